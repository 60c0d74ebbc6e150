"""The trials there are: which version is held against which champion, where."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from shared.registry.guard import Guard
from shared.registry.place_key import PlaceKey
from shared.registry.snapshot import HeldAssignment, Snapshot

JUDGE: Final = "judge"
"""Who the automatic judge is in the registry's audit."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What makes a trial this one and no other.

    Attributes:
        key: of the assignment.
        arm: canary or shadow.
        version: on trial.
        champion: beside it.
        since: when the trial began; what a version did before does not count. None for a shadow: the registry keeps no
            such time, and a version that looked on twice is the same version.
    """

    key: str
    arm: Literal["canary", "shadow"]
    version: str
    champion: str
    since: datetime | None

    @property
    def place(self) -> PlaceKey:
        """The assignment's key."""
        return PlaceKey(self.key)

    @property
    def identity(self) -> str:
        """The same text in every process and after every restart."""
        since = "" if self.since is None else self.since.isoformat()
        return f"{self.key} {self.arm} {self.version} {self.champion} {since}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A trial as the registry holds it now."""

    trial: Trial
    guard: Guard
    revision: int
    """Of the assignment's entry."""
    paused: bool = False


def trials_of(held: HeldAssignment, key: str) -> tuple[Standing, ...]:
    """The trials of one assignment."""
    record = held.record
    found = []
    if record.canary is not None:
        trial = Trial(key, "canary", record.canary.version, record.champion, record.canary.since)
        found.append(Standing(trial, record.guard, held.revision, record.canary.paused))
    if record.shadow is not None:
        trial = Trial(key, "shadow", record.shadow, record.champion, None)
        found.append(Standing(trial, record.guard, held.revision))
    return tuple(found)


def trials(snapshot: Snapshot) -> Mapping[str, tuple[Standing, ...]]:
    """Every trial there is, by assignment key."""
    return {key: found for key, held in snapshot.assignments.items() if (found := trials_of(held, key))}
