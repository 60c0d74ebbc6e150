"""Parts one after the other that are damaged at the same place. Pure.

Decided in the order of event time, and only once nothing older can come: a good part that comes late ends a row.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.alert.observation import Observation
from services.alert.series.series import Keep
from shared.alerts.conditions import SameRegion
from shared.alerts.records import EVIDENCE_KEPT, Group, Trigger

HORIZON: Final = timedelta(days=1)
"""A row that takes longer than this is none."""
Row = tuple[Observation, ...]


def keep() -> Keep:
    """What is needed of a series; how much of the past stays is told when it is decided on."""
    return Keep(horizon=HORIZON, closes=True)


def context(condition: SameRegion) -> int:
    """How many observations before the first undecided one can belong to its row."""
    return (condition.parts - 1) * (condition.passes_between + 1)


def rows(seen: Sequence[Observation], since: datetime, condition: SameRegion) -> list[Row]:
    """Each row of failed parts that ends with one of `since` or later, oldest first.

    A failed part without a place of its damage (no part was found in the photo) counts as one between.

    Args:
        seen: what was seen, in order: up to the moment that it is decided for, and the context before `since`.
        since: what lies before was decided on.
        condition: how many, and how near to each other.
    """
    found = []
    for last, one in enumerate(seen):
        if one.failed and one.peak is not None and one.time >= since:
            row = _row(seen[: last + 1], condition)
            if len(row) == condition.parts and _together(row, condition.radius):
                found.append(row)
    return found


def trigger(row: Row, condition: SameRegion, group: Group, where: str) -> Trigger:
    """The trigger of a row."""
    last = row[-1]
    x, y = last.peak or (0.0, 0.0)
    summary = (
        f"{condition.parts} parts in a row are damaged at the same place at {where}: "
        f"{x:.0%} from the left and {y:.0%} from the top, the latest {last.part}"
    )
    latest = tuple(one.evidence for one in row[::-1][:EVIDENCE_KEPT])
    return Trigger(id=last.id, group=group, summary=summary, time=last.time, evidence=latest)


def _row(seen: Sequence[Observation], condition: SameRegion) -> Row:
    """The last failed parts with no more between two of them than is allowed."""
    row: list[Observation] = []
    between = 0
    for one in reversed(seen):
        if one.failed and one.peak is not None:
            row.append(one)
            between = 0
            if len(row) == condition.parts:
                break
        else:
            between += 1
            if between > condition.passes_between:
                break
    return tuple(reversed(row))


def _together(row: Row, radius: float) -> bool:
    """Whether no two places differ by more than the radius, in either direction."""
    places = [one.peak for one in row if one.peak is not None]
    return all(max(axis) - min(axis) <= radius for axis in zip(*places, strict=True))
