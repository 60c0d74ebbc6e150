"""The registry as tables for people."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from shared.registry.coupling import mismatches
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, AuditEntry, StationConfig, VersionRecord
from shared.registry.snapshot import HeldAssignment, HeldStation, Snapshot

HeldT = TypeVar("HeldT", HeldAssignment, HeldStation)


def show(*parts: RenderableType) -> None:
    """Print them to stdout."""
    console = Console()
    for part in parts:
        console.print(part)


def assignments(snapshot: Snapshot) -> RenderableType:
    """Every assignment, the least specific first."""
    if not snapshot.assignments:
        return "No assignments yet: photos of every place are dead-lettered. `linegate rollout assign` makes one."
    table = _table("Assignments", "Key", "Champion", "Canary", "Shadow", "Revision", "Author")
    for key, held in _sorted(snapshot.assignments):
        table.add_row(key, *_assignment_cells(held.record), str(held.revision), held.record.author)
    return table


def stations(snapshot: Snapshot) -> RenderableType:
    """Every station configuration, the least specific first, after the default."""
    table = _table("Stations", "Key", "Policy", "Crop at most", "Presence", "Oriented", "Reference", "Revision")
    table.add_row("(default)", *_station_cells(StationConfig()), "")
    for key, held in _sorted(snapshot.stations):
        table.add_row(key, *_station_cells(held.record), str(held.revision))
    return table


def in_force(snapshot: Snapshot, key: PlaceKey) -> list[RenderableType]:
    """What holds for the places under `key`, and which entries may hold for some of them instead."""
    assigned, stationed = _covering(snapshot.assignments, key), _covering(snapshot.stations, key)
    table = _table(f"In force at {key}", "", "Entry", "Revision", "Value")
    if assigned is None:
        table.add_row("assignment", "none", "", "photos are dead-lettered until one is assigned")
    else:
        found = snapshot.assignments[assigned]
        champion, canary, shadow = _assignment_cells(found.record)
        value = (
            f"champion {champion}" + (f", canary {canary}" if canary else "") + (f", shadow {shadow}" if shadow else "")
        )
        table.add_row("assignment", assigned, str(found.revision), value)
    configured = snapshot.stations[stationed] if stationed else None
    policy, size, presence, oriented, reference = _station_cells(configured.record if configured else StationConfig())
    value = f"{policy}, at most {size}, presence {presence}, oriented: {oriented}"
    value += f", registered to {reference}" if reference else ""
    table.add_row("station", stationed or "(default)", str(configured.revision) if configured else "", value)
    others = _others(snapshot, key)
    told = [f"Some places under it have entries of their own: {', '.join(others)}"] if others else []
    return [table, *told, *(Text(f"warning: {line}", style="yellow") for line in mismatches(snapshot, key))]


def versions(records: Sequence[VersionRecord]) -> RenderableType:
    """Registered versions, in the given order."""
    if not records:
        return "No versions yet: `linegate train` makes and registers one."
    table = _table("Versions", "Version", "Kind", "Digest", "Created", "Author", "Note")
    for record in records:
        created = record.created.astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(record.version, record.kind, record.digest[:12], created, record.author, record.note)
    return table


def history(entries: Sequence[AuditEntry]) -> RenderableType:
    """Changes, in the given order."""
    if not entries:
        return "Nothing was ever changed."
    table = _table("History", "Revision", "Time", "Author", "Table", "Key", "Before", "After")
    for entry in entries:
        time = entry.time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        before, after = _told(entry.table, entry.before), _told(entry.table, entry.after)
        table.add_row(str(entry.revision), time, entry.author, entry.table, entry.key, before, after)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _assignment_cells(record: Assignment) -> tuple[str, str, str]:
    canary = "" if record.canary is None else f"{record.canary.version} {record.canary.percent:g} %"
    return record.champion, canary, record.shadow or ""


def _station_cells(record: StationConfig) -> tuple[str, str, str, str, str]:
    policy: str = record.policy
    if record.polygon is not None:
        policy = f"{policy} {' '.join(f'{x:g},{y:g}' for x, y in record.polygon)}"
    size, oriented = f"{record.width} x {record.height}", "yes" if record.orient else "no"
    return policy, size, f"{record.presence:g}", oriented, (record.reference or "")[:12]


def _told(table: str, text: str | None) -> str:
    if text is None:
        return ""
    if table == "assignments":
        champion, canary, shadow = _assignment_cells(Assignment.model_validate_json(text))
        return champion + (f" + {canary}" if canary else "") + (f" (shadow {shadow})" if shadow else "")
    if table == "stations":
        policy, size, presence, _, reference = _station_cells(StationConfig.model_validate_json(text))
        return f"{policy} {size} {presence} {reference}".rstrip()
    record = VersionRecord.model_validate_json(text)
    return f"{record.kind} {record.digest[:12]}"


def _sorted(table: Mapping[str, HeldT]) -> list[tuple[str, HeldT]]:
    return sorted(table.items(), key=lambda entry: (PlaceKey(entry[0]).specificity[0], entry[0]))


def _covering(table: Mapping[str, object], key: PlaceKey) -> str | None:
    covering = [entry for entry in map(PlaceKey, table) if entry.covers(key)]
    return str(max(covering, key=lambda entry: entry.specificity)) if covering else None


def _others(snapshot: Snapshot, key: PlaceKey) -> list[str]:
    """Entries that hold for some of the places under `key`, and not for all of them."""
    entries = {PlaceKey(text) for text in (*snapshot.assignments, *snapshot.stations)}
    return sorted(str(entry) for entry in entries if key.overlaps(entry) and not entry.covers(key))
