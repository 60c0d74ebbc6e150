"""So many photos within a window could not be judged. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from pydantic import ValidationError

from services.alert.rules.crowd import Crowd
from services.alert.rules.words import length
from services.alert.series.series import Keep
from shared.alerts.conditions import DeadLetters
from shared.alerts.records import Group, Trigger
from shared.bus.dead_letter import Letter
from shared.events import Place
from shared.events.fault import PLACE_FIELDS
from shared.registry.place_key import WILDCARD, PlaceKey

_MOST: Final = 512
_BEHIND: Final = timedelta(days=1)
"""How far one partition may be read ahead of another."""


def keep(window: timedelta) -> Keep:
    """What is needed of a series. Letters are few, and read apart from the parts: their own newest one counts."""
    return Keep(horizon=window + _BEHIND, newest=True)


def place_of(letter: Letter) -> Place | None:
    """Where the photo came from, by what it says itself; None where it does not say so in a way that is understood."""
    headers: Mapping[str, str] = {name.lower(): (data or b"").decode(errors="replace") for name, data in letter.headers}
    said = {name: headers[f"ce_{name}"] for name in PLACE_FIELDS if f"ce_{name}" in headers}
    try:
        return Place.model_validate(said)
    except ValidationError:
        return None


def concerned(scope: PlaceKey, place: Place | None) -> bool:
    """Whether a letter belongs to a scope; of one from nowhere hears only who wants to hear of everywhere."""
    return str(scope) == str(PlaceKey.parse(WILDCARD)) if place is None else scope.matches(place)


def trigger(crowd: Crowd, condition: DeadLetters, group: Group, where: str, reason: str) -> Trigger:
    """The trigger of a crowd of letters.

    Args:
        crowd: the letters.
        condition: of the subscription.
        group: of the subscription.
        where: for people.
        reason: of the letter that came.
    """
    last = crowd.last
    told = "1 photo" if condition.letters == 1 else f"{condition.letters} photos"
    summary = f"{told} at {where} could not be judged within {length(condition.minutes)}, the latest: {reason}"
    return Trigger(id=last.id, group=group, summary=summary[:_MOST], time=last.time)
