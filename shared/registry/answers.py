"""Redis' answers as records."""

from collections.abc import Mapping

from shared.registry.records import Assignment, AuditEntry, StationConfig
from shared.registry.snapshot import HeldAssignment, HeldStation


def held_assignment(value: str) -> HeldAssignment:
    """An entry of the table of assignments: `<revision> <json>`."""
    revision, text = value.split(" ", 1)
    return HeldAssignment(revision=int(revision), record=Assignment.model_validate_json(text))


def held_station(value: str) -> HeldStation:
    """An entry of the table of stations."""
    revision, text = value.split(" ", 1)
    return HeldStation(revision=int(revision), record=StationConfig.model_validate_json(text))


def audit_entry(stream_id: str, fields: Mapping[str, str]) -> AuditEntry:
    """An entry of the audit stream."""
    optional = {name: fields[name] or None for name in ("before", "after")}
    return AuditEntry.model_validate({"stream_id": stream_id, **fields, **optional})
