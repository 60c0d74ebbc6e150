"""See where nothing comes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from services.alert.desk_watcher import DeskSnapshot
from services.alert.firing import Beside, Firing
from services.alert.places import LastSeen, Places
from services.alert.rules import absence
from services.alert.series.series import digest_of
from shared.alerts.conditions import NoPhotos, NoVerdicts
from shared.alerts.subscription import Subscription
from shared.events import ConditionKind, Place
from shared.registry.place_key import PlaceKey

Open = tuple[ConditionKind, PlaceKey]
"""An open alert, as inhibition looks at it."""


class Moments(NamedTuple):
    """Until when everything is counted; None while that is not known."""

    photos: datetime | None
    """Of what lay in Kafka as a photo."""
    verdicts: datetime | None
    """Of what lay in Kafka as a verdict."""

    def of(self, condition: absence.Absence) -> datetime | None:
        """The moment that a condition is asked as of."""
        return self.photos if isinstance(condition, NoPhotos) else self.verdicts


class Missing:
    """Looks for places from which nothing comes.

    Args:
        places: keeps when something last came.
        firing: fires alerts.
        forget_days: a place that sent nothing for so long is given up.
    """

    def __init__(self, places: Places, firing: Firing, *, forget_days: float) -> None:
        self._places = places
        self._firing = firing
        self._forget = timedelta(days=forget_days)

    def look(self, snapshot: DeskSnapshot, moments: Moments, firing: Callable[[], Sequence[Open]]) -> None:
        """Fire what is missing; `no_photos` first, since it mutes `no_verdicts`.

        Args:
            snapshot: subscriptions and silences.
            moments: until when everything is counted.
            firing: answers condition and places of each open alert.

        Raises:
            RegistryUnavailable: Redis is away.
        """
        asked = [one for one in snapshot.subscriptions.values() if isinstance(one.condition, NoPhotos | NoVerdicts)]
        if not asked:
            return
        places = self.places(moments)
        for subscription in sorted(asked, key=lambda one: one.condition.kind):
            self._look(snapshot, subscription, places, moments, firing)

    def places(self, moments: Moments) -> dict[Place, LastSeen]:
        """The places that are not given up; the others are forgotten.

        Raises:
            RegistryUnavailable: Redis is away.
        """
        found = self._places.all()
        if moments.photos is None:
            return found
        oldest = moments.photos - self._forget
        gone = [place for place, seen in found.items() if max(seen.photo, seen.verdict or seen.photo) < oldest]
        self._places.forget(gone)
        return {place: seen for place, seen in found.items() if place not in gone}

    def _look(
        self,
        snapshot: DeskSnapshot,
        subscription: Subscription,
        places: Mapping[Place, LastSeen],
        moments: Moments,
        firing: Callable[[], Sequence[Open]],
    ) -> None:
        condition = subscription.condition
        if not isinstance(condition, NoPhotos | NoVerdicts):
            return
        as_of = moments.of(condition)
        if as_of is None:
            return
        begin = self._places.watched_since(f"{subscription.id}:{digest_of(subscription)}", as_of)
        if not snapshot.awake(subscription, as_of):
            return
        if subscription.hours is not None and (shift := subscription.hours.began(as_of)) is not None:
            begin = max(begin, shift)
        latest = absence.watched(subscription, condition, places)
        found = absence.silent(latest, condition, begin=begin, as_of=as_of)
        if found:
            triggers = [absence.trigger(one, condition, subscription, as_of) for one in found]
            beside = Beside(firing(), places.keys())
            self._firing.fire(snapshot, subscription, triggers, beside=beside)
