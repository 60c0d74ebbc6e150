"""So many within a window, wherever it begins: for failed parts and for dead letters. Pure.

The condition is met by an observation that is the last of `count` within a window: then the window of that length that
ends with it holds them all. One that comes late can make later ones meet it, so those are looked at again. What meets
it can only become more, so that the order of arrival does not matter in the end.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from services.alert.observation import Observation
from services.alert.series.series import Keep, Series, SeriesKey


class Crowd(NamedTuple):
    """The latest `count` observations, oldest first; the last one completes them."""

    members: tuple[Observation, ...]

    @property
    def last(self) -> Observation:
        """What completed it."""
        return self.members[-1]


def keep(window: timedelta) -> Keep:
    """What is needed of a series: whatever lies in one window with the oldest that may still come."""
    return Keep(horizon=window)


def look(series: Series, key: SeriesKey, seen: Observation, *, count: int, window: timedelta) -> list[Crowd]:
    """What meets the condition now that `seen` is in the series.

    Raises:
        RegistryUnavailable: the series cannot be read.
    """
    around = series.latest(key, seen.time, count - 1) + series.between(key, seen.time, seen.time + window)
    return crowds(around, seen, count=count, window=window)


def crowds(around: Sequence[Observation], seen: Observation, *, count: int, window: timedelta) -> list[Crowd]:
    """The crowds that are completed at the time of `seen` or after it.

    Args:
        around: `count - 1` observations before that time, and all from then on for the length of a window, in order.
        seen: the one that came.
        count: how many make a crowd.
        window: within how long.
    """
    found = []
    for last in range(count - 1, len(around)):
        members = tuple(around[last - count + 1 : last + 1])
        if members[-1].time >= seen.time and members[-1].time - members[0].time <= window:
            found.append(Crowd(members))
    return found
