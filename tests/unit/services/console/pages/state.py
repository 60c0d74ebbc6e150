"""States of the registry for tests of the console's pages."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.models.card import Calibration
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, AuditEntry, Canary, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot

START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
LINE = PlaceKey("munich/line-1")


def version(name: str, place: str | None = "munich/line-1", *, age_h: float = 0.0, **more: Any) -> VersionRecord:
    """A registered version; its threshold is 2."""
    fields = {
        "version": name,
        "digest": "a" * 64,
        "kind": "padim",
        "place": None if place is None else PlaceKey(place),
        "created": START - timedelta(hours=age_h),
        "calibration": Calibration(rule="quantile", threshold=2.0, good_parts=50, damaged_parts=0),
    }
    return VersionRecord.model_validate(fields | more)


def canary(name: str, percent: float = 20.0, *, paused: bool = False) -> Canary:
    """A trial."""
    return Canary(version=name, percent=percent, since=START, paused=paused)


def snapshot(assignments: Mapping[str, Assignment], *versions: VersionRecord, revision: int = 7) -> Snapshot:
    """The registry: each assignment at its key, at this revision."""
    return Snapshot(
        revision=revision,
        assignments={
            str(PlaceKey(key)): HeldAssignment(revision=revision, record=record) for key, record in assignments.items()
        },
        versions={record.version: record for record in versions},
    )


def audited(before: Assignment | None, after: Assignment | None, **more: Any) -> AuditEntry:
    """A change of an assignment, as the audit has it."""
    fields = {
        "stream_id": "1-0",
        "table": "assignments",
        "key": str(LINE),
        "revision": 8,
        "action": "promote",
        "author": "key:ada",
        "time": START,
        "before": None if before is None else before.model_dump_json(),
        "after": None if after is None else after.model_dump_json(),
    }
    return AuditEntry.model_validate(fields | more)
