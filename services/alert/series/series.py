"""Series of observations, which outlive the worker: what is asked of whoever keeps them.

The same observation counts once, however often it is added: that makes redelivery harmless, and lets any number of
workers share one series.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol, Self

from services.alert.groups import parse_group
from services.alert.observation import Observation
from shared.alerts.records import Group
from shared.alerts.subscription import Subscription


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """One group of one subscription, as it stands: a change of what it asks for begins new series."""

    subscription: str
    digest: str
    group: Group

    @classmethod
    def of(cls, subscription: Subscription, group: Group) -> Self:
        """The series of a group."""
        return cls(subscription.id, digest_of(subscription), group)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key of the text that `str` makes."""
        subscription, digest, group = text.split(":", 2)
        return cls(subscription, digest, parse_group(group))

    def __str__(self) -> str:
        return f"{self.subscription}:{self.digest}:{self.group}"


def digest_of(subscription: Subscription) -> str:
    """Of all that decides which observations belong together, and what of them is kept."""
    asked = subscription.model_dump_json(include={"scope", "condition", "group_by"})
    return hashlib.sha256(asked.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Keep:
    """What a condition needs of a series.

    Attributes:
        horizon: what is older than the settled moment by more than this is neither kept nor counted.
        newest: whether the newest observation stands for the settled moment.
        fine: width of the counts within the window; None counts nothing.
        coarse: width of the counts of the past.
        past: how long these are kept.
        closes: whether it is decided once nothing older can come, rather than at once.
    """

    horizon: timedelta
    newest: bool = False
    fine: timedelta | None = None
    coarse: timedelta = timedelta(minutes=1)
    past: timedelta = timedelta()
    closes: bool = False


MOST_BEHIND: Final = timedelta(days=2)
"""While no moment is settled, nothing is kept that is older than the newest by more than this and the horizon."""


class Addition(NamedTuple):
    """An observation for a series."""

    key: SeriesKey
    seen: Observation
    keep: Keep


@dataclass(frozen=True, slots=True)
class Tally:
    """Parts of a stretch of time, and how many of them failed."""

    parts: int = 0
    fails: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.parts + other.parts, self.fails + other.fails)


Tallies = Mapping[int, Tally]
"""By the number of the stretch: the milliseconds since 1970 of its beginning, divided by its width."""


class Series(Protocol):
    """Keeps series. Every call may raise `RegistryUnavailable`."""

    def add(self, additions: Sequence[Addition]) -> None:
        """Add observations that are not there yet."""
        ...

    def settled(self, until: datetime) -> None:
        """Nothing older than this comes any more; an earlier moment than the last one changes nothing.

        That is what lets old observations go. By the newest one they would go too early: after an outage one partition
        of the topic may be read hours ahead of another.
        """
        ...

    def latest(self, key: SeriesKey, before: datetime, count: int) -> list[Observation]:
        """The last `count` observations before a moment, oldest first."""
        ...

    def between(self, key: SeriesKey, since: datetime, until: datetime) -> list[Observation]:
        """The observations from `since` to `until`, both included, oldest first."""
        ...

    def counts(self, key: SeriesKey) -> tuple[Tallies, Tallies]:
        """The fine and the coarse counts."""
        ...

    def due(self, before: datetime) -> list[SeriesKey]:
        """The series with observations before a moment that were not decided on."""
        ...

    def decided_until(self, key: SeriesKey) -> datetime | None:
        """Until before which moment a series was decided on; None where it never was."""
        ...

    def decided(
        self,
        key: SeriesKey,
        until: datetime,
        *,
        context: int | None = None,
        counts_from: tuple[int, int] | None = None,
    ) -> None:
        """Everything before `until` was decided on.

        Args:
            key: the series.
            until: the moment.
            context: so many observations before it are still needed; None: as many as its horizon keeps.
            counts_from: the first fine and the first coarse stretch that are still needed; None: all.
        """
        ...

    def forget(self, key: SeriesKey) -> None:
        """Nobody asks for the series any more."""
        ...
