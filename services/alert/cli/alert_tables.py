"""Alerts, their steps and silences as people read them on a terminal."""

from collections.abc import Iterable
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from shared.alerts.desk import HeldSilence
from shared.alerts.records import Alert, HeldAlert, Silence
from shared.cli.tables import add, moment, plain, show, table
from shared.events import AlertChanged, now

__all__ = ["every", "line", "one", "show", "silences"]
SHORT = 8
"""Letters of an id that are shown; enough to name an alert by."""


def every(found: Iterable[HeldAlert], title: str = "Alerts") -> RenderableType:
    """One row each."""
    held = list(found)
    if not held:
        return "No alerts."
    made = table(title, "Id", "State", "Severity", "Where", "What", "Times", "Since", "By")
    for one_ in held:
        record = one_.record
        add(
            made,
            record.id[:SHORT],
            state(record),
            record.severity,
            str(record.group),
            record.summary,
            str(record.count),
            moment(record.since),
            record.resolved_by or record.acknowledged_by or "",
        )
    return made


def one(held: HeldAlert) -> list[RenderableType]:
    """All that is known of one."""
    record = held.record
    made = table(f"Alert {record.id}", "", "")
    rows = {
        "state": state(record),
        "severity": record.severity,
        "what": record.summary,
        "where": str(record.group),
        "subscription": record.subscription + (f" ({record.title})" if record.title else ""),
        "condition": record.condition,
        "times": f"{record.count}, the latest at {moment(record.last)}",
        "since": moment(record.since),
        "told": "never: messages were kept back" if record.told is None else moment(record.told),
        "escalated": _at(record.escalated),
        "acknowledged": _by(record.acknowledged_by, record.acknowledged),
        "resolved": _by(record.resolved_by, record.resolved),
        "note": record.note,
        "revision": str(held.revision),
    }
    for name, value in rows.items():
        if value:
            add(made, name, value)
    return [made, *([_parts(record)] if record.evidence else [])]


def line(change: AlertChanged) -> Text:
    """One step in one line."""
    where = "/".join(str(part) for part in (change.plant, change.line, change.station) if part) or "everywhere"
    told = f"{moment(change.time)} {change.step:<12} {change.severity:<8} {where}: {change.summary} [{change.count}]"
    told += f" by {change.by}" if change.step in ("acknowledged", "resolved") else ""
    told += f": {change.note}" if change.note else ""
    return Text(" ".join(plain(f"{told} {change.alert[:SHORT]}").split()), no_wrap=True, overflow="ignore")


def silences(found: Iterable[HeldSilence]) -> RenderableType:
    """One row each."""
    held = list(found)
    if not held:
        return "No silences."
    made = table("Silences", "Id", "Scope", "Conditions", "State", "From", "Until", "By", "Note")
    for one_ in held:
        record = one_.record
        kinds = ", ".join(record.conditions) or "all"
        times = moment(record.begin), moment(record.end)
        add(made, record.id, str(record.scope), kinds, silence_state(record, now()), *times, record.by, record.note)
    return made


def silence_state(record: Silence, at: datetime) -> str:
    """Whether it holds."""
    return "coming" if at < record.begin else "active" if at < record.end else "over"


def state(record: Alert) -> str:
    """Firing, acknowledged or resolved, and what keeps its messages back."""
    return record.state if record.muted is None else f"{record.state} (muted: {record.muted})"


def _parts(record: Alert) -> Table:
    made = table("Latest parts", "Part", "Plant", "Captured", "Score", "Threshold", "Photo")
    for seen in record.evidence:
        score, threshold = ("" if value is None else f"{value:.4g}" for value in (seen.score, seen.threshold))
        add(made, seen.part, seen.plant, moment(seen.captured), score, threshold, seen.image)
    return made


def _by(who: str | None, at: datetime | None) -> str:
    return "" if who is None or at is None else f"by {who} at {moment(at)}"


def _at(time: datetime | None) -> str:
    return "" if time is None else moment(time)
