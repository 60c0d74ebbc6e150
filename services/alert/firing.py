"""From a met condition to the alert: unless nobody is to be told now."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from services.alert.desk_watcher import DeskSnapshot
from services.alert.groups import covered
from services.alert.metrics import AlertMetrics
from services.alert.mute import mute_of
from shared.alerts.records import HeldAlert, Trigger
from shared.alerts.subscription import Subscription
from shared.events import ConditionKind, Mute, Place
from shared.registry.place_key import PlaceKey


class Beside(NamedTuple):
    """What else is open."""

    firing: Sequence[tuple[ConditionKind, PlaceKey]]
    """Condition and places of each open alert."""
    places: Collection[Place]
    """That photos ever came from."""


NOTHING_BESIDE: Final = Beside((), ())


class Triggered(Protocol):
    """Where triggers are counted: see `AlertBook.trigger`."""

    def trigger(self, subscription: Subscription, trigger: Trigger, *, muted: Mute | None = None) -> HeldAlert | None:
        """Count that a condition was met."""
        ...


class Firing:
    """Fires alerts.

    Args:
        book: counts the triggers.
        oldest_s: triggers of an older event time fire nothing, in seconds.
        clock: the present.
        metrics: counts too.
    """

    def __init__(
        self, book: Triggered, *, oldest_s: float, clock: Callable[[], datetime], metrics: AlertMetrics
    ) -> None:
        self._book = book
        self._oldest = timedelta(seconds=oldest_s)
        self._clock = clock
        self._metrics = metrics

    def fire(
        self,
        snapshot: DeskSnapshot,
        subscription: Subscription,
        triggers: Iterable[Trigger],
        *,
        beside: Beside = NOTHING_BESIDE,
    ) -> None:
        """Count triggers whose subscription is awake at their time; the same one again changes nothing.

        Args:
            snapshot: subscriptions and silences.
            subscription: whose condition was met.
            triggers: what met it.
            beside: what else is open, where that may mute it.

        Raises:
            RegistryUnavailable: Redis is away.
        """
        at = self._clock()
        for trigger in triggers:
            if at - trigger.time > self._oldest or not snapshot.awake(subscription, trigger.time):
                continue
            where = covered(trigger.group, subscription.scope)
            muted = mute_of(
                subscription.condition.kind,
                where,
                silences=snapshot.silences,
                at=at,
                firing=beside.firing,
                places=beside.places,
            )
            if self._book.trigger(subscription, trigger, muted=muted) is not None:
                self._metrics.triggered(subscription.condition.kind)
