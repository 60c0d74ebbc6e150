"""Decide the conditions that wait until nothing older can come."""

from datetime import datetime, timedelta
from typing import Final

from services.alert.desk_watcher import DeskSnapshot
from services.alert.firing import Firing
from services.alert.groups import covered, words
from services.alert.observation import moment
from services.alert.rules import fail_rate, same_region
from services.alert.series.series import Series, SeriesKey, digest_of
from shared.alerts.conditions import FailRate, SameRegion
from shared.alerts.records import Trigger
from shared.alerts.subscription import Subscription

_GIVEN_UP: Final = timedelta(hours=1)
"""A series that nobody asks for is forgotten so much later: another worker may know of a newer subscription."""
_SHOWN: Final = 200
"""So many of a window's latest parts are looked through for failed ones to show."""
_BEGINNING: Final = moment(0)
_MOMENT: Final = timedelta(milliseconds=1)


class Closing:
    """Decides series; what was decided on before is decided again only after a crash, and then fires nothing new.

    Args:
        series: keeps them.
        firing: fires alerts.
    """

    def __init__(self, series: Series, firing: Firing) -> None:
        self._series = series
        self._firing = firing

    def look(self, snapshot: DeskSnapshot, before: datetime) -> None:
        """Decide every series up to a moment.

        Args:
            snapshot: subscriptions and silences.
            before: nothing older than this can come any more.

        Raises:
            RegistryUnavailable: Redis is away.
        """
        self._series.settled(before)
        for key in self._series.due(before):
            subscription = snapshot.subscriptions.get(key.subscription)
            if subscription is not None and digest_of(subscription) == key.digest:
                self._decide(snapshot, subscription, key, before)
            elif self._series.due(before - _GIVEN_UP).count(key):
                self._series.forget(key)

    def _decide(self, snapshot: DeskSnapshot, subscription: Subscription, key: SeriesKey, before: datetime) -> None:
        match subscription.condition:
            case SameRegion() as condition:
                self._rows(snapshot, subscription, condition, key, before)
            case FailRate() as condition:
                self._rates(snapshot, subscription, condition, key, before)
            case _:
                self._series.forget(key)

    def _rows(
        self,
        snapshot: DeskSnapshot,
        subscription: Subscription,
        condition: SameRegion,
        key: SeriesKey,
        before: datetime,
    ) -> None:
        since = self._series.decided_until(key) or before - same_region.HORIZON
        past = self._series.latest(key, since, same_region.context(condition))
        seen = past + self._series.between(key, since, before - _MOMENT)
        where = words(covered(key.group, subscription.scope))
        found = same_region.rows(seen, since, condition)
        self._fire(snapshot, subscription, [same_region.trigger(row, condition, key.group, where) for row in found])
        self._series.decided(key, max(since, before), context=same_region.context(condition))

    def _rates(
        self, snapshot: DeskSnapshot, subscription: Subscription, condition: FailRate, key: SeriesKey, before: datetime
    ) -> None:
        until = fail_rate.decidable(condition, before)
        since = self._series.decided_until(key)
        if since is not None and since >= until:
            return
        fine, coarse = self._series.counts(key)
        where = words(covered(key.group, subscription.scope))
        triggers = []
        for high in fail_rate.high_rates(condition, fine, coarse, since or _BEGINNING, until):
            latest = self._series.latest(key, high.end, _SHOWN)
            triggers.append(fail_rate.trigger(high, condition, key.group, where, latest))
        self._fire(snapshot, subscription, triggers)
        self._series.decided(key, until, counts_from=fail_rate.needed_from(condition, until))

    def _fire(self, snapshot: DeskSnapshot, subscription: Subscription, triggers: list[Trigger]) -> None:
        # Before it is noted as decided: a crash in between decides again, and each trigger counts once.
        self._firing.fire(snapshot, subscription, triggers)
