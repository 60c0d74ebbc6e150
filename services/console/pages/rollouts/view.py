"""What the pages of rollouts show, from the registry's state. Pure: no text for people, no time zone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from shared.registry.coupling import mismatches
from shared.registry.lifecycle import Stage
from shared.registry.place_key import WILDCARD, PlaceKey
from shared.registry.places import exceptions
from shared.registry.records import Assignment, AuditEntry, Canary, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.registry.stages import candidates, stages
from shared.trials.trial import JUDGE

Role: TypeAlias = Literal["champion", "canary", "shadow", "former"]
ROLES: Final[tuple[Role, ...]] = ("champion", "canary", "shadow", "former")
MAIN_METRICS: Final = ("auroc", "recall_at_precision_0.95", "recall_at_threshold")
"""Of the many on a card; a version's own page has them all."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One assignment.

    Attributes:
        key: where it holds.
        revision: of the entry: what a change is based on.
        record: the versions, and the guard.
        warnings: assigned versions that were made for other crops than their stations make; one line each, in English.
        exceptions: keys of entries that hold instead for some of its places.
        candidates: names of versions that were made for places under it and are at work nowhere yet, newest first.
        may_change: whether whoever looks may change it.
    """

    key: PlaceKey
    revision: int
    record: Assignment
    warnings: tuple[str, ...]
    exceptions: tuple[str, ...]
    candidates: tuple[str, ...]
    may_change: bool

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """Who judges which share of the parts, in percent; the champion first."""
        return shares(self.record)


@dataclass(frozen=True, slots=True)
class PlantEntries:
    """The assignments of one plant; `*` stands for those of all plants."""

    plant: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a version stands at one key; the trial where it is the canary there."""

    key: PlaceKey
    stage: Stage
    trial: Canary | None = None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A registered version, and where it stands."""

    record: VersionRecord
    standings: tuple[Standing, ...]
    main_metrics: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Move:
    """A role that another version has, or has in another way, than before.

    Attributes:
        role: champion, canary, shadow or former.
        before: who had it; None: nobody.
        after: who has it.
        trial_before: of the canary: share, beginning and pause.
        trial_after: likewise.
    """

    role: Role
    before: str | None
    after: str | None
    trial_before: Canary | None = None
    trial_after: Canary | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the history."""

    revision: int
    key: str
    time: datetime
    author: str
    automatic: bool
    action: str
    note: str
    moves: tuple[Move, ...]
    guard_changed: bool


def shares(record: Assignment) -> tuple[tuple[str, float], ...]:
    """Who judges which share of the parts, in percent; the champion first."""
    trial = record.canary
    if trial is None or trial.paused or trial.percent == 0:
        return ((record.champion, 100.0),)
    if trial.percent == 100:
        return ((trial.version, 100.0),)
    return (record.champion, 100.0 - trial.percent), (trial.version, trial.percent)


def entry(snapshot: Snapshot, key: PlaceKey, held: HeldAssignment, *, may_change: bool) -> Entry:
    """One assignment.

    Args:
        snapshot: as far as whoever looks may see it.
        key: of the assignment.
        held: what the registry holds there.
        may_change: whether whoever looks may change it.
    """
    return Entry(
        key=key,
        revision=held.revision,
        record=held.record,
        warnings=own_warnings(snapshot, key),
        exceptions=tuple(exceptions(snapshot.assignments, key)),
        candidates=tuple(record.version for record in candidates(snapshot, key)),
        may_change=may_change,
    )


def by_plant(snapshot: Snapshot, may_change: Callable[[str], bool]) -> tuple[PlantEntries, ...]:
    """All assignments, plant by plant in the order of their names, each plant's least specific ones first.

    Args:
        snapshot: as far as whoever looks may see it.
        may_change: whether whoever looks may change the assignments of a plant (`*`: those of all).
    """
    found: dict[str, list[Entry]] = {}
    for text, held in snapshot.assignments.items():
        key = PlaceKey(text)
        found.setdefault(key.plant, []).append(entry(snapshot, key, held, may_change=may_change(key.plant)))
    order = sorted(found, key=lambda plant: (plant != WILDCARD, plant))
    return tuple(PlantEntries(plant, tuple(sorted(found[plant], key=_least_specific_first))) for plant in order)


def own_warnings(snapshot: Snapshot, key: PlaceKey) -> tuple[str, ...]:
    """The warnings about the assignment of exactly this key: not about others that share some of its places."""
    held = snapshot.assignment(key)
    alone = snapshot.model_copy(update={"assignments": {} if held is None else {str(key): held}})
    return tuple(mismatches(alone, key))


def version_rows(snapshot: Snapshot, under: PlaceKey | None = None) -> tuple[VersionRow, ...]:
    """Registered versions, the newest first.

    Args:
        snapshot: as far as whoever looks may see it.
        under: only those that have a stage at the assignment of this key, or were made for some of its places, or for
            no place in particular.
    """
    rows = (version_row(snapshot, record) for record in snapshot.versions.values())
    kept = [row for row in rows if under is None or _concerns(row, under)]
    return tuple(sorted(kept, key=lambda row: row.record.created, reverse=True))


def version_row(snapshot: Snapshot, record: VersionRecord) -> VersionRow:
    """One version, and where it stands."""
    standings = []
    for key, stage in stages(snapshot, record).items():
        held = snapshot.assignment(key)
        standings.append(Standing(key, stage, held.record.canary if stage == "canary" and held is not None else None))
    metrics = tuple((name, record.metrics[name]) for name in MAIN_METRICS if name in record.metrics)
    return VersionRow(record, tuple(standings), metrics)


def changes(entries: Iterable[AuditEntry]) -> tuple[Change, ...]:
    """Entries of the audit that are about assignments, in their order."""
    return tuple(_change(one) for one in entries if one.table == "assignments")


def moves(before: Assignment | None, after: Assignment | None) -> tuple[Move, ...]:
    """The roles that are not as before, the champion first."""
    old, new = _roles(before), _roles(after)
    found = []
    for role in ROLES:
        trials = (
            (None if before is None else before.canary, None if after is None else after.canary)
            if role == "canary"
            else (None, None)
        )
        if old[role] != new[role] or trials[0] != trials[1]:
            found.append(Move(role, old[role], new[role], *trials))
    return tuple(found)


def choices(snapshot: Snapshot, held: Entry) -> Sequence[str]:
    """Versions that could be put to work at an entry: not those at work there. Candidates first, then newest first."""
    at_work = set(held.record.versions())
    first = [name for name in held.candidates if name not in at_work]
    rest = [row.record.version for row in version_rows(snapshot, held.key)]
    return list(dict.fromkeys((*first, *(name for name in rest if name not in at_work))))


def unplaced(snapshot: Snapshot, rows: Iterable[VersionRow]) -> tuple[tuple[PlaceKey, tuple[str, ...]], ...]:
    """Keys that candidates were made for and that have no entry of their own, each with its candidates."""
    found: dict[PlaceKey, list[str]] = {}
    for row in rows:
        for standing in row.standings:
            if standing.stage == "candidate" and snapshot.assignment(standing.key) is None:
                found.setdefault(standing.key, []).append(row.record.version)
    return tuple((key, tuple(names)) for key, names in sorted(found.items(), key=lambda one: str(one[0])))


def _change(audited: AuditEntry) -> Change:
    before, after = (
        None if text is None else Assignment.model_validate_json(text) for text in (audited.before, audited.after)
    )
    guards = [None if record is None else record.guard for record in (before, after)]
    return Change(
        revision=audited.revision,
        key=audited.key,
        time=audited.time,
        author=audited.author,
        automatic=audited.author == JUDGE,
        action=audited.action or ("unassign" if after is None else "assign"),
        note=audited.note,
        moves=moves(before, after),
        guard_changed=None not in guards and guards[0] != guards[1],
    )


def _roles(record: Assignment | None) -> Mapping[Role, str | None]:
    if record is None:
        return dict.fromkeys(ROLES)
    trial = None if record.canary is None else record.canary.version
    return {"champion": record.champion, "canary": trial, "shadow": record.shadow, "former": record.former}


def _concerns(row: VersionRow, key: PlaceKey) -> bool:
    made_for = row.record.place
    at = any(standing.key == key for standing in row.standings)
    return at or (made_for is None and not row.standings) or (made_for is not None and made_for.overlaps(key))


def _least_specific_first(one: Entry) -> tuple[int, str]:
    return one.key.specificity[0], str(one.key)
