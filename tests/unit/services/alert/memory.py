"""What the alert worker keeps in Redis, in memory: the suites of `keeping_suite` run on both."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from services.alert.observation import Observation, milliseconds
from services.alert.places import LastSeen, Sighting
from services.alert.series.series import MOST_BEHIND, Addition, SeriesKey, Tallies, Tally
from shared.alerts import life
from shared.alerts.records import Alert, HeldAlert, Trigger
from shared.alerts.subscription import Subscription
from shared.events import Fault, Mute, Place

START = datetime(2026, 11, 24, 8, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So long after the beginning."""
    return START + timedelta(seconds=seconds)


class MemorySeries:
    """See `Series`."""

    def __init__(self) -> None:
        self.seen: dict[SeriesKey, dict[str, Observation]] = defaultdict(dict)
        self.fine: dict[SeriesKey, dict[int, Tally]] = defaultdict(dict)
        self.coarse: dict[SeriesKey, dict[int, Tally]] = defaultdict(dict)
        self.open: dict[SeriesKey, datetime] = {}
        self.until: dict[SeriesKey, datetime] = {}
        self.floor: datetime | None = None

    def add(self, additions: Sequence[Addition]) -> None:
        """See `Series.add`."""
        for key, one, keep in additions:
            held = self.seen[key]
            if one.member in held:
                continue
            newest = max([one.time, *(other.time for other in held.values())])
            oldest = (
                newest if keep.newest else max(newest - MOST_BEHIND, self.floor or newest - MOST_BEHIND)
            ) - keep.horizon
            if one.time < oldest:
                continue
            held[one.member] = one
            self.seen[key] = {member: other for member, other in held.items() if other.time >= oldest}
            if keep.fine is not None:
                for tallies, width in ((self.fine[key], keep.fine), (self.coarse[key], keep.coarse)):
                    number = milliseconds(one.time) // (width // timedelta(milliseconds=1))
                    tallies[number] = tallies.get(number, Tally()) + Tally(1, int(one.failed))
            if keep.closes:
                self.open[key] = min(one.time, self.open.get(key, one.time))

    def settled(self, until: datetime) -> None:
        """See `Series.settled`."""
        self.floor = until if self.floor is None else max(self.floor, until)

    def latest(self, key: SeriesKey, before: datetime, count: int) -> list[Observation]:
        """See `Series.latest`."""
        return [one for one in self._sorted(key) if one.time < before][-count:] if count > 0 else []

    def between(self, key: SeriesKey, since: datetime, until: datetime) -> list[Observation]:
        """See `Series.between`."""
        return [one for one in self._sorted(key) if since <= one.time <= until]

    def counts(self, key: SeriesKey) -> tuple[Tallies, Tallies]:
        """See `Series.counts`."""
        return dict(self.fine[key]), dict(self.coarse[key])

    def due(self, before: datetime) -> list[SeriesKey]:
        """See `Series.due`."""
        return [key for key, first in self.open.items() if first < before]

    def decided_until(self, key: SeriesKey) -> datetime | None:
        """See `Series.decided_until`."""
        return self.until.get(key)

    def decided(
        self,
        key: SeriesKey,
        until: datetime,
        *,
        context: int | None = None,
        counts_from: tuple[int, int] | None = None,
    ) -> None:
        """See `Series.decided`."""
        self.until[key] = max(until, self.until.get(key, until))
        if context is not None:
            past = [one for one in self._sorted(key) if one.time < until]
            for spare in past[: max(0, len(past) - context)]:
                del self.seen[key][spare.member]
        rest = [one.time for one in self._sorted(key) if one.time >= until]
        self.open.pop(key, None)
        if rest:
            self.open[key] = rest[0]
        if counts_from is not None:
            for tallies, first in zip((self.fine[key], self.coarse[key]), counts_from, strict=True):
                for number in [one for one in tallies if one < first]:
                    del tallies[number]

    def forget(self, key: SeriesKey) -> None:
        """See `Series.forget`."""
        self.open.pop(key, None)
        self.until.pop(key, None)

    def _sorted(self, key: SeriesKey) -> list[Observation]:
        return sorted(self.seen[key].values(), key=lambda one: one.order)


class MemoryPlaces:
    """See `Places`."""

    def __init__(self) -> None:
        self.seen: dict[Place, LastSeen] = {}
        self.watched: dict[str, datetime] = {}

    def saw(self, sightings: Iterable[Sighting]) -> None:
        """See `Places.saw`."""
        for place, (photo, verdict) in sightings:
            held = self.seen.get(place, LastSeen(photo, verdict))
            given = [one for one in (held.verdict, verdict) if one is not None]
            self.seen[place] = LastSeen(max(held.photo, photo), max(given) if given else None)

    def all(self) -> dict[Place, LastSeen]:
        """See `Places.all`."""
        return dict(self.seen)

    def forget(self, places: Iterable[Place]) -> None:
        """See `Places.forget`."""
        for place in list(places):
            self.seen.pop(place, None)

    def watched_since(self, watch: str, at: datetime) -> datetime:
        """See `Places.watched_since`."""
        return self.watched.setdefault(watch, at)


class MemoryStanding:
    """See `Standing`."""

    def __init__(self) -> None:
        self.faults: dict[str, Fault] = {}

    def put(self, fault: Fault) -> None:
        """See `Standing.put`."""
        self.faults[fault.key] = fault

    def remove(self, keys: Iterable[str]) -> None:
        """See `Standing.remove`."""
        for key in list(keys):
            self.faults.pop(key, None)

    def all(self) -> list[Fault]:
        """See `Standing.all`."""
        return list(self.faults.values())


class MemoryBook:
    """Counts triggers as `AlertBook.trigger` does; nothing is ever resolved."""

    def __init__(self, clock: Callable[[], datetime] = lambda: START) -> None:
        self.counted: dict[str, list[str]] = defaultdict(list)
        """By the alert's key: the triggers, each once."""
        self.alerts: dict[str, Alert] = {}
        self._clock = clock

    def trigger(self, subscription: Subscription, trigger: Trigger, *, muted: Mute | None = None) -> HeldAlert | None:
        """See `AlertBook.trigger`."""
        key = life.key_of(subscription, trigger.group)
        if trigger.id in self.counted[key]:
            return None
        self.counted[key].append(trigger.id)
        before = self.alerts.get(key)
        fired = life.fire(subscription, trigger, muted=muted, at=self._clock())
        self.alerts[key] = fired if before is None else life.join(before, trigger, at=self._clock())
        return HeldAlert(revision=1, record=self.alerts[key])

    @property
    def outcome(self) -> dict[str, list[str]]:
        """What was counted, in no order."""
        return {key: sorted(ids) for key, ids in self.counted.items() if ids}
