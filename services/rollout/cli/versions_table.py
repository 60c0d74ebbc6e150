"""Registered versions as tables for people."""

from typing import Final

from rich.console import RenderableType

from services.rollout.cli.cells import standing
from shared.cli.tables import add, moment, table
from shared.registry.records import VersionRecord
from shared.registry.snapshot import Snapshot

_MAIN_METRICS: Final[tuple[str, ...]] = ("auroc", "recall_at_precision_0.95", "recall_at_threshold")
"""Of the many on a card; `versions NAME` has them all."""


def versions(snapshot: Snapshot) -> RenderableType:
    """Every registered version, newest first."""
    if not snapshot.versions:
        return "No versions yet: `linegate train` makes and registers one."
    made = table(
        "Versions", "Version", "Kind", "Backbone", "Digest", "Threshold", "Metrics", "Stage", "Created", "Author"
    )
    for record in sorted(snapshot.versions.values(), key=lambda record: record.created, reverse=True):
        metrics = {name: record.metrics[name] for name in _MAIN_METRICS if name in record.metrics}
        add(
            made,
            record.version,
            record.kind,
            record.backbone or "",
            record.digest[:12],
            _threshold(record),
            _measured(metrics),
            standing(snapshot, record) or "nowhere",
            moment(record.created)[:-3],
            record.author,
        )
    return made


def version(snapshot: Snapshot, record: VersionRecord) -> RenderableType:
    """All that is known of one version."""
    made = table(f"Version {record.version}", "", "")
    rows = {
        "stage": standing(snapshot, record) or "nowhere",
        "kind": record.kind,
        "backbone": record.backbone,
        "bundle": record.digest,
        "made for": None if record.place is None else str(record.place),
        "crops": _crop(record),
        "data": _data(record),
        "threshold": _threshold(record),
        "calibrated on": _calibrated(record),
        "metrics": _measured(record.metrics),
        "code": record.code_version,
        "parent": record.parent,
        "job": record.job,
        "created": moment(record.created),
        "author": record.author,
        "note": record.note,
    }
    for name, value in rows.items():
        add(made, name, value or "")
    return made


def _threshold(record: VersionRecord) -> str:
    if record.calibration is None:
        return ""
    rule, number = record.calibration.rule, record.calibration.parameter
    return f"{record.calibration.threshold:.4g} by {rule}{'' if number is None else f'={number:g}'}"


def _calibrated(record: VersionRecord) -> str | None:
    held = record.calibration
    if held is None:
        return None
    told = f"{held.good_parts} good, {held.damaged_parts} damaged"
    if held.false_alarm_rate is not None:
        told += f"; expected false alarms {held.false_alarm_rate:.2%}"
    if (bounds := held.false_alarm_interval) is not None:
        told += f" ({bounds.low:.2%} to {bounds.high:.2%} at {bounds.confidence:.0%})"
    return "\n".join((told, *(f"warning: {line}" for line in held.warnings)))


def _data(record: VersionRecord) -> str | None:
    data = record.data
    if data is None:
        return None
    return (
        f"{data.name} ({data.digest[:12]}): trained on {data.train_good} good, calibrated on "
        f"{data.calibration_good} good and {data.calibration_damaged} damaged, tested on {data.test_good} good and "
        f"{data.test_damaged} damaged"
    )


def _crop(record: VersionRecord) -> str | None:
    if record.crop is None:
        return None
    told = f"{record.crop.policy}, at most {record.crop.width} x {record.crop.height}"
    return told + (f", registered to {record.crop.reference[:12]}" if record.crop.reference else "")


def _measured(metrics: dict[str, float]) -> str:
    return "\n".join(f"{name} {value:.3f}" for name, value in metrics.items())
