"""Verdicts, faults and a whole worker in memory for the tests of the alert worker."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from services.alert.desk_watcher import DeskSnapshot
from services.alert.firing import Firing
from services.alert.metrics import AlertMetrics
from services.alert.step import AlertStep
from services.alert.ticking.closing import Closing
from shared.alerts.records import Silence
from shared.alerts.subscription import Subscription
from shared.events import Check, Fault, Verdict
from shared.registry.place_key import PlaceKey
from tests.unit.services.alert.memory import START, MemoryBook, MemoryPlaces, MemorySeries, MemoryStanding, at
from tests.unit.services.labels.parts import verdict


def part(
    name: object,
    seconds: float = 0,
    *,
    failed: bool = True,
    peak: tuple[float, float] | None = (0.5, 0.5),
    **more: Any,
) -> Verdict:
    """A verdict on a part that was photographed so long after the beginning."""
    score, result = (3.0, "fail") if failed else (1.0, "pass")
    check = {"name": "damage", "result": result, "score": score, "threshold": 2.0, "peak": peak}
    fields = {
        "captured": at(seconds),
        "time": at(seconds + 0.3),
        "model": None,
        "checks": (Check.model_validate(check),),
        "station": "st-40",
    }
    return verdict(str(name), score=score, **(fields | more))


def fault(name: str = "1", *, state: str = "raised", **more: Any) -> Fault:
    """A fault at the crop worker, which holds for five minutes."""
    fields = {
        "id": f"fault-{name}-{state}", "key": f"crop/{name}", "kind": "store_away", "state": state, "severity": "error",
        "worker": "crop", "instance": "crop-1", "detail": "the store is away", "since": START,
        "time": START, "expires": at(300) if state == "raised" else None,
    }  # fmt: skip
    return Fault.model_validate(fields | more)


def subscription(condition: Any, name: str = "mine", scope: str = "munich", **more: Any) -> Subscription:
    """To plant munich, by line."""
    fields = {"group_by": ("plant", "line"), **more}
    return Subscription(id=name, scope=PlaceKey.parse(scope), condition=condition, **fields)


def snapshot(*subscriptions: Subscription, silences: Iterable[Silence] = ()) -> DeskSnapshot:
    """These and no others."""
    return DeskSnapshot({one.id: one for one in subscriptions}, tuple(silences))


class Memory:
    """All that is kept, and a worker on it. The worker may be made anew: what is kept stays.

    Args:
        known: subscriptions and silences.
        lateness_s: of photos.
        wrap: put around whatever keeps something, e.g. to break it.
    """

    def __init__(
        self, known: DeskSnapshot | None, *, lateness_s: float = 10, wrap: Callable[[Any], Any] = lambda kept: kept
    ) -> None:
        self.known = known
        self.now: datetime = at(3600)
        self.series, self.places, self.standing = MemorySeries(), MemoryPlaces(), MemoryStanding()
        self.book = MemoryBook(lambda: self.now)
        self.lateness = timedelta(seconds=lateness_s)
        self._wrap = wrap
        self.begin()

    def begin(self) -> None:
        """Make the worker anew."""
        firing = Firing(self._wrap(self.book), oldest_s=86_400, clock=lambda: self.now, metrics=AlertMetrics())
        self.step = AlertStep(
            lambda: self.known,
            series=self._wrap(self.series),
            places=self._wrap(self.places),
            standing=self._wrap(self.standing),
            firing=firing,
            clock=lambda: self.now,
        )
        self.closing = Closing(self._wrap(self.series), firing)

    def close(self, before: datetime) -> None:
        """Decide what lies before a moment."""
        assert self.known is not None
        self.closing.look(self.known, before)

    @property
    def fired(self) -> list[str]:
        """All triggers that were counted, in their order by alert."""
        return [one for ids in self.book.counted.values() for one in ids]
