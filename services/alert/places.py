"""When the last photo and the last verdict came from each place; kept in Redis."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from services.alert import scripts
from services.alert.observation import milliseconds, moment
from shared.events import Place
from shared.events.fault import PLACE_FIELDS
from shared.registry.connection import Connected
from shared.registry.failures import faults


class LastSeen(NamedTuple):
    """What last came from a place."""

    photo: datetime
    """Event time of the newest photo that was judged or set aside."""
    verdict: datetime | None
    """When the newest verdict was given; None where none ever was."""


Sighting = tuple[Place, LastSeen]


class Places(Protocol):
    """Keeps when something last came. Every call may raise `RegistryUnavailable`."""

    def saw(self, sightings: Iterable[Sighting]) -> None:
        """Something came; what is older than what is known changes nothing."""
        ...

    def all(self) -> dict[Place, LastSeen]:
        """Every place that is known."""
        ...

    def forget(self, places: Iterable[Place]) -> None:
        """Places that are given up."""
        ...

    def watched_since(self, watch: str, at: datetime) -> datetime:
        """Since when somebody looks whether something is missing; `at`, where nobody did before."""
        ...


class RedisPlaces(Connected):
    """See `Places`. Thread-safe."""

    def saw(self, sightings: Iterable[Sighting]) -> None:
        """See `Places.saw`."""
        arguments: list[str] = []
        for place, (photo, verdict) in sightings:
            given = 0 if verdict is None else milliseconds(verdict)
            arguments += [_name(place), str(milliseconds(photo)), str(given)]
        if arguments:
            with faults(changing=True):
                self._redis.eval(scripts.SAW, 1, scripts.PLACES, *arguments)

    def all(self) -> dict[Place, LastSeen]:
        """See `Places.all`."""
        with faults():
            found: Any = self._redis.hgetall(scripts.PLACES)
        return {_place(name): _last_seen(text) for name, text in found.items()}

    def forget(self, places: Iterable[Place]) -> None:
        """See `Places.forget`."""
        names = [_name(place) for place in places]
        if names:
            with faults(changing=True):
                self._redis.hdel(scripts.PLACES, *names)

    def watched_since(self, watch: str, at: datetime) -> datetime:
        """See `Places.watched_since`."""
        with faults(changing=True):
            self._redis.hsetnx(scripts.WATCHED, watch, str(milliseconds(at)))
            held: Any = self._redis.hget(scripts.WATCHED, watch)
        return moment(int(held))


def _name(place: Place) -> str:
    return "/".join(str(getattr(place, name)) for name in PLACE_FIELDS)


def _place(name: str) -> Place:
    return Place.model_validate(dict(zip(PLACE_FIELDS, name.split("/"), strict=True)))


def _last_seen(text: str) -> LastSeen:
    photo, verdict = (int(part) for part in text.split(" "))
    return LastSeen(moment(photo), moment(verdict) if verdict else None)
