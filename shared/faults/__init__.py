"""Faults of our own: raised once, cleared once, told on `linegate.faults` beside everything else that goes on."""

from shared.faults.report import NO_FAULTS, FaultSink, Report
from shared.faults.reporter import FaultReporter

__all__ = ["NO_FAULTS", "FaultReporter", "FaultSink", "Report"]
