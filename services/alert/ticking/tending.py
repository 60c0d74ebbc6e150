"""Take the steps of open alerts that nobody has to ask for: repeat, escalate, mute, unmute, resolve."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.alert.desk_watcher import DeskSnapshot, DeskWatcher
from services.alert.groups import covered_by
from services.alert.metrics import AlertMetrics
from services.alert.mute import mute_of
from services.alert.places import LastSeen
from services.alert.rules import absence, fault
from services.alert.standing_faults import Standing
from services.alert.ticking.care import Care, Situation, care, orphaned
from services.alert.ticking.missing import Missing, Moments, Open
from shared.alerts.book import AlertBook
from shared.alerts.conditions import FaultRaised, NoPhotos, NoVerdicts
from shared.alerts.errors import AlertError
from shared.alerts.records import SYSTEM, Alert, HeldAlert
from shared.alerts.subscription import Subscription
from shared.events import Fault, Place

_CLEAN_EVERY: Final = timedelta(hours=1)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Scene:
    """Everything that is known at one look."""

    snapshot: DeskSnapshot
    moments: Moments
    faults: Sequence[Fault]
    places: Mapping[Place, LastSeen]
    firing: Sequence[Open]
    at: datetime

    def situation(self, alert: Alert, subscription: Subscription) -> Situation:
        where = covered_by(alert, subscription)
        return Situation(
            at=self.at,
            as_of=self.moments.verdicts,
            lasts=self._lasts(alert, subscription),
            muted=mute_of(
                alert.condition,
                where,
                silences=self.snapshot.silences,
                at=self.at,
                firing=self.firing,
                places=self.places.keys(),
            ),
            awake=self.snapshot.awake(subscription, self.at),
        )

    def _lasts(self, alert: Alert, subscription: Subscription) -> bool | None:
        match subscription.condition:
            case FaultRaised() as condition:
                return fault.lasts(self.faults, condition, subscription, alert.group, self.at)
            case NoPhotos() | NoVerdicts() as condition:
                as_of = self.moments.of(condition)
                latest = absence.watched(subscription, condition, self.places)
                return as_of is None or absence.lasts(latest, alert.group, condition, as_of)
        return None


class Tending:
    """Looks after open alerts. Several workers may do so at once: each step is taken on what was seen, or not at all.

    Args:
        book: of alerts.
        watch: of subscriptions and silences.
        standing: the faults that are there.
        missing: knows what last came from where.
        keep_closed_days: how long resolved alerts are kept.
        clock: the present.
        metrics: told what is open.
    """

    def __init__(
        self,
        book: AlertBook,
        watch: DeskWatcher,
        standing: Standing,
        missing: Missing,
        *,
        keep_closed_days: float,
        clock: Callable[[], datetime],
        metrics: AlertMetrics,
    ) -> None:
        self._book = book
        self._watch = watch
        self._standing = standing
        self._missing = missing
        self._keep_closed = timedelta(days=keep_closed_days)
        self._clock = clock
        self._metrics = metrics
        self._cleaned: datetime | None = None

    def look(self, moments: Moments) -> None:
        """Give each open alert the step that it needs.

        Raises:
            RegistryUnavailable: Redis is away.
        """
        held = self._book.open_alerts()
        self._metrics.standing(one.record for one in held)
        at = self._clock()
        snapshot = self._watch.reload()
        if any(_orphaned(one.record, snapshot) for one in held):
            # What was known may be older than an alert of a new subscription.
            snapshot = self._watch.reload(force=True)
        scene = _Scene(
            snapshot, moments, self._faults(at), self._missing.places(moments), standing_of(held, snapshot), at
        )
        for one in held:
            self._tend(one, scene)
        self._clean(at)

    def _tend(self, held: HeldAlert, scene: _Scene) -> None:
        alert = held.record
        subscription = scene.snapshot.subscriptions.get(alert.subscription)
        orphan = _orphaned(alert, scene.snapshot)
        if orphan:
            needed: Care | None = orphaned(orphan)
        elif subscription is None:
            return  # a newer version's: it looks after it
        else:
            needed = care(alert, subscription, scene.situation(alert, subscription))
        if needed is None:
            return
        try:
            # On what was seen: of two workers that see the same, one takes the step.
            self._book.take(alert.id, needed.step, subscription, by=SYSTEM, note=needed.note, expected=held.revision)
        except AlertError:
            _log.debug("an alert was changed meanwhile", alert=alert.id)

    def _faults(self, at: datetime) -> list[Fault]:
        standing = self._standing.all()
        over = [one.key for one in standing if one.expires is None or one.expires <= at]
        self._standing.remove(over)
        return [one for one in standing if one.key not in over]

    def _clean(self, at: datetime) -> None:
        if self._cleaned is None or at - self._cleaned >= _CLEAN_EVERY:
            self._book.forget_closed(at - self._keep_closed)
            self._cleaned = at


def standing_of(held: Sequence[HeldAlert], snapshot: DeskSnapshot) -> list[Open]:
    """Condition and places of each open alert."""
    return [
        (one.record.condition, covered_by(one.record, snapshot.subscriptions.get(one.record.subscription)))
        for one in held
    ]


def _orphaned(alert: Alert, snapshot: DeskSnapshot) -> str:
    """Why nobody subscribes to an alert any more; empty where somebody does."""
    subscription = snapshot.subscriptions.get(alert.subscription)
    if subscription is None:
        return "" if alert.subscription in snapshot.unreadable else "its subscription was removed"
    if not subscription.enabled:
        return "its subscription was disabled"
    return "" if subscription.condition.kind == alert.condition else "its subscription asks for something else now"
