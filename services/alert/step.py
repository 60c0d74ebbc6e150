"""Verdicts and faults in; alerts fire in Redis. It emits nothing: the teller tells each step of an alert.

Everything it does is idempotent (an observation is added once, a trigger counts once), so that an event that is
handed to it again after a crash changes nothing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from services.alert.desk_watcher import DeskSnapshot
from services.alert.firing import Firing
from services.alert.groups import group_of, words_of
from services.alert.observation import Observation, observe
from services.alert.places import LastSeen, Places
from services.alert.rules import crowd, each_fail, fails_in_window, fault
from services.alert.rules.keeping import keep_of
from services.alert.rules.words import window
from services.alert.series.series import Addition, Series, SeriesKey
from services.alert.standing_faults import Standing
from shared.alerts.conditions import EachFail, FailsInWindow, FaultRaised
from shared.alerts.records import Trigger
from shared.alerts.subscription import Subscription
from shared.bus.step import Emit, Result, Retry
from shared.events import Fault, Verdict
from shared.registry.errors import RegistryUnavailable

NOT_READ: Final = "the subscriptions were not read yet: Redis does not answer, or the worker has just started"


class AlertStep:
    """Counts every verdict and fault for the subscriptions that it concerns.

    Args:
        snapshot: answers subscriptions and silences; None while they were never read.
        series: keeps observations.
        places: keeps when something last came.
        standing: keeps the faults that are there.
        firing: fires alerts.
        clock: the present.
    """

    def __init__(
        self,
        snapshot: Callable[[], DeskSnapshot | None],
        *,
        series: Series,
        places: Places,
        standing: Standing,
        firing: Firing,
        clock: Callable[[], datetime],
    ) -> None:
        self._snapshot = snapshot
        self._series = series
        self._places = places
        self._standing = standing
        self._firing = firing
        self._clock = clock

    def __call__(self, batch: Sequence[Verdict | Fault]) -> list[Result]:
        """One result per event, in order: done, or not now."""
        snapshot = self._snapshot()
        if snapshot is None:
            return [Retry(NOT_READ) for _ in batch]
        at = self._clock()
        done: list[Result] = []
        try:
            seen = [(event, observe(event, at)) for event in batch if isinstance(event, Verdict)]
            self._keep(snapshot, seen)
            observed = iter(seen)
            for event in batch:
                if isinstance(event, Fault):
                    self._fault(snapshot, event, at)
                else:
                    self._verdict(snapshot, *next(observed))
                done.append(Emit(()))
        except RegistryUnavailable as away:
            # It would fail on the others as well, each after its time limit.
            done += [Retry(away.line)] * (len(batch) - len(done))
        return done

    def _keep(self, snapshot: DeskSnapshot, seen: Sequence[tuple[Verdict, Observation]]) -> None:
        additions = []
        for verdict, observation in seen:
            for subscription in _concerned(snapshot, verdict):
                keep = keep_of(subscription.condition, observation)
                if keep is not None:
                    group = group_of(verdict.place, subscription.group_by)
                    additions.append(Addition(SeriesKey.of(subscription, group), observation, keep))
        self._series.add(additions)
        self._places.saw((verdict.place, LastSeen(one.time, verdict.time)) for verdict, one in seen)

    def _verdict(self, snapshot: DeskSnapshot, verdict: Verdict, seen: Observation) -> None:
        if not seen.failed:
            return
        for subscription in _concerned(snapshot, verdict):
            self._firing.fire(snapshot, subscription, self._triggers(subscription, verdict, seen))

    def _triggers(self, subscription: Subscription, verdict: Verdict, seen: Observation) -> list[Trigger]:
        condition = subscription.condition
        part = verdict.part if "part" in subscription.group_by else None
        group = group_of(verdict.place, subscription.group_by, part=part)
        where = words_of(verdict.place)
        match condition:
            case EachFail():
                return each_fail.triggers(seen, group, where)
            case FailsInWindow():
                key = SeriesKey.of(subscription, group)
                length = window(condition.minutes)
                found = crowd.look(self._series, key, seen, count=condition.fails, window=length)
                return [fails_in_window.trigger(one, condition, group, where) for one in found]
        return []

    def _fault(self, snapshot: DeskSnapshot, event: Fault, at: datetime) -> None:
        if event.state == "cleared":
            self._standing.remove([event.key])
            return
        self._standing.put(event)
        for subscription in snapshot.subscriptions.values():
            if isinstance(subscription.condition, FaultRaised):
                found = fault.triggers(event, subscription.condition, subscription, at)
                self._firing.fire(snapshot, subscription, found)


def _concerned(snapshot: DeskSnapshot, verdict: Verdict) -> list[Subscription]:
    place = verdict.place
    return [one for one in snapshot.subscriptions.values() if one.scope.matches(place)]
