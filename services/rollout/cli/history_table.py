"""The registry's changes as a table for people."""

from collections.abc import Sequence

from rich.console import RenderableType

from services.rollout.cli.cells import one_line, station
from shared.cli.tables import add, moment, table
from shared.registry.guard import Guard
from shared.registry.records import Assignment, AuditEntry, StationConfig, VersionRecord


def history(entries: Sequence[AuditEntry]) -> RenderableType:
    """Changes, in the given order."""
    if not entries:
        return "Nothing was ever changed here."
    made = table("History", "Revision", "Time", "Author", "Action", "Key", "Before", "After", "Note")
    for entry in entries:
        # Writers before there were actions left it empty: the table says what kind of thing was changed.
        what = entry.action or entry.table
        before, after = _told(entry, entry.before), _told(entry, entry.after)
        add(made, str(entry.revision), moment(entry.time), entry.author, what, entry.key, before, after, entry.note)
    return made


def _told(entry: AuditEntry, text: str | None) -> str:
    if text is None:
        return ""
    match entry.table:
        case "assignments":
            record = Assignment.model_validate_json(text)
            return one_line(record) + (f"; guard {_guard(record.guard)}" if entry.action == "guard" else "")
        case "stations":
            policy, size, presence, _, reference = station(StationConfig.model_validate_json(text))
            return f"{policy} {size} {presence} {reference}".rstrip()
        case "versions":
            made = VersionRecord.model_validate_json(text)
            return f"{made.kind} {made.digest[:12]}"
        case "registry":
            return text


def _guard(guard: Guard) -> str:
    differs = {name: getattr(guard, name) for name, field in Guard.model_fields.items()}
    told = [f"{name} {value}" for name, value in differs.items() if value != Guard.model_fields[name].default]
    return ", ".join(told) or "as by default"
