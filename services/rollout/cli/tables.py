"""The registry as tables for people: what is assigned, and what holds at a place."""

from rich.console import RenderableType
from rich.text import Text

from services.rollout.cli.cells import one_line, roles, sorted_entries, station
from shared.cli.tables import add, moment, plain, table
from shared.registry.coupling import mismatches
from shared.registry.guard import Guard
from shared.registry.place_key import PlaceKey
from shared.registry.places import covering, entries_within
from shared.registry.records import StationConfig
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.registry.stages import candidates

_CANDIDATES_SHOWN = 8


def assignments(snapshot: Snapshot) -> RenderableType:
    """Every assignment, the least specific first."""
    if not snapshot.assignments:
        return "No assignments yet: photos of every place are dead-lettered. `linegate rollout promote` makes one."
    made = table("Assignments", "Key", "Champion", "Canary", "Shadow", "Former", "Revision", "Author")
    for key, held in sorted_entries(snapshot.assignments):
        add(made, key, *roles(held.record), str(held.revision), held.record.author)
    return made


def stations(snapshot: Snapshot) -> RenderableType:
    """Every station configuration, the least specific first, after the default."""
    made = table("Stations", "Key", "Policy", "Crop at most", "Presence", "Oriented", "Reference", "Revision")
    add(made, "(default)", *station(StationConfig()), "")
    for key, held in sorted_entries(snapshot.stations):
        add(made, key, *station(held.record), str(held.revision))
    return made


def in_force(snapshot: Snapshot, key: PlaceKey) -> list[RenderableType]:
    """What holds for the places under `key`, and which entries may hold for some of them instead."""
    assigned, stationed = covering(snapshot.assignments, key), covering(snapshot.stations, key)
    made = table(f"In force at {key}", "", "Entry", "Revision", "Value")
    if assigned is None:
        add(made, "assignment", "none", "", "photos are dead-lettered until one is assigned")
    else:
        found = snapshot.assignments[assigned]
        add(made, "assignment", assigned, str(found.revision), one_line(found.record))
        for what, value in _details(found).items():
            add(made, what, "", "", value)
    if waiting := [record.version for record in candidates(snapshot, key)]:
        more = f" and {len(waiting) - _CANDIDATES_SHOWN} more" if len(waiting) > _CANDIDATES_SHOWN else ""
        add(made, "candidates", "", "", ", ".join(waiting[:_CANDIDATES_SHOWN]) + more)
    configured = snapshot.stations[stationed] if stationed else None
    policy, size, presence, oriented, reference = station(configured.record if configured else StationConfig())
    value = f"{policy}, at most {size}, presence {presence}, oriented: {oriented}"
    value += f", registered to {reference}" if reference else ""
    add(made, "station", stationed or "(default)", str(configured.revision) if configured else "", value)
    others = entries_within(snapshot, key)
    told = [f"Some places under it have entries of their own: {', '.join(others)}"] if others else []
    return [made, *told, *warnings(snapshot, key)]


def warnings(snapshot: Snapshot, key: PlaceKey) -> list[RenderableType]:
    """One line for each assigned version that was made for other crops than its stations make."""
    return [Text(f"warning: {plain(line)}", style="yellow") for line in mismatches(snapshot, key)]


def guard(key: PlaceKey, held: HeldAssignment) -> RenderableType:
    """The limits of the trials at a key."""
    made = table(f"Guard of {key}, revision {held.revision}", "", "Value")
    for name in Guard.model_fields:
        value = getattr(held.record.guard, name)
        add(made, name, "none (not looked at)" if value is None else str(value))
    return made


def _details(held: HeldAssignment) -> dict[str, str]:
    """What one line of roles leaves out; empty where there is nothing of the kind."""
    record = held.record
    told: dict[str, str] = {}
    if record.canary is not None:
        paused = "; paused: its parts go to the champion" if record.canary.paused else ""
        told["trial since"] = moment(record.canary.since) + paused
    if record.retired:
        told["retired"] = ", ".join(record.retired)
    if record.guard != Guard():
        told["guard"] = ", ".join(
            f"{name} {getattr(record.guard, name)}"
            for name, field in Guard.model_fields.items()
            if getattr(record.guard, name) != field.default
        )
    return told
