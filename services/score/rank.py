"""What a loaded version is worth to the line: in this order memory is given up."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from shared.registry.records import Assignment, VersionRecord


class Rank(IntEnum):
    """The higher one stays longer."""

    UNASSIGNED = 0
    FORMER = 1
    """A rollback goes back to it."""
    SHADOW = 2
    GATE = 3
    """The champion, the canary, and whatever stands in for a champion that cannot be loaded."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version that should be in memory, and what for."""

    record: VersionRecord
    rank: Rank


@dataclass(frozen=True, slots=True)
class Crowd:
    """More is wanted than fits in memory.

    Attributes:
        gate: whether versions that gate take turns, so that parts wait for loads again and again.
        left_out: the least valuable versions, for which there is no room, by name.
        needed: bytes of all that is wanted, as far as it is known.
        budget: bytes there are.
    """

    gate: bool
    left_out: tuple[str, ...]
    needed: int
    budget: int


def ranked(assignment: Assignment) -> list[tuple[str, Rank]]:
    """The versions of an assignment, those that gate first."""
    named = [(assignment.champion, Rank.GATE)]
    if assignment.canary is not None:
        named.append((assignment.canary.version, Rank.GATE))
    if assignment.shadow is not None:
        named.append((assignment.shadow, Rank.SHADOW))
    if assignment.former is not None:
        named.append((assignment.former, Rank.FORMER))
    return named


def by_digest(wanted: Iterable[Wanted]) -> dict[str, Wanted]:
    """Each bundle once, at its highest rank; those that gate first, so that they are loaded first."""
    best: dict[str, Wanted] = {}
    for each in wanted:
        held = best.get(each.record.digest)
        if held is None or each.rank > held.rank:
            best[each.record.digest] = each
    return dict(sorted(best.items(), key=lambda item: -item[1].rank))
