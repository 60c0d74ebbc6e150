"""Logs, metrics and traces: configured once per process, in one place."""

from shared.telemetry.configure import Telemetry, configure
from shared.telemetry.metric_names import MetricName

__all__ = ["MetricName", "Telemetry", "configure"]
