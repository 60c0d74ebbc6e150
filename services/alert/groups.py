"""Which alert of a subscription something belongs to."""

from collections.abc import Sequence

from shared.alerts.records import Alert, Group
from shared.alerts.subscription import GroupField, Subscription
from shared.events import UNSPECIFIED, Fault, Place
from shared.events.fault import PLACE_FIELDS
from shared.registry.place_key import WILDCARD, PlaceKey


def group_of(place: Place, group_by: Sequence[GroupField], *, part: str | None = None) -> Group:
    """The group of a part at a place."""
    fields = {**place.model_dump(), "part": part}
    return Group.model_validate({name: fields[name] for name in group_by})


def group_of_fault(fault: Fault, subscription: Subscription) -> Group:
    """The group of a fault; what it does not say is as the subscription's scope says, since it holds there as well."""
    named = {**subscription.scope.named, **_fields(fault)}
    return Group.model_validate({name: named.get(name) for name in subscription.group_by})


def concerns(fault: Fault, scope: PlaceKey) -> bool:
    """Whether a fault is about a place of the scope; one that names no place is about every."""
    return scope.overlaps(_key(_fields(fault)))


def expected_group(subscription: Subscription) -> Group | None:
    """The one group that the scope names, where it names all that the subscription groups by."""
    named = subscription.scope.named
    if not all(name in named for name in subscription.group_by):
        return None
    return Group.model_validate({name: named[name] for name in subscription.group_by})


def covered(group: Group, scope: PlaceKey) -> PlaceKey:
    """All the places that an alert of the group may be about."""
    fields = group.model_dump(exclude={"part"}, exclude_none=True)
    return _key({**scope.named, **fields})


def covered_by(alert: Alert, subscription: Subscription | None) -> PlaceKey:
    """All the places that an alert may be about; without its subscription by its group alone."""
    return covered(alert.group, PlaceKey.parse(WILDCARD) if subscription is None else subscription.scope)


def parse_group(text: str) -> Group:
    """The group of the text that `str(group)` is; for groups without a part."""
    fields = text.split("/")
    return Group.model_validate(
        {name: field for name, field in zip(PLACE_FIELDS, fields, strict=False) if field != WILDCARD}
    )


def words(key: PlaceKey) -> str:
    """A place for people, e.g. `munich/line-1`."""
    text = str(key)
    while text.endswith(f"/{WILDCARD}"):
        text = text.removesuffix(f"/{WILDCARD}")
    return "all plants" if text == WILDCARD else text


def words_of(place: Place) -> str:
    """Where a part was, for people: plant, line, and the station where it is known."""
    known = [place.plant, place.line, *([] if place.station == UNSPECIFIED else [place.station])]
    return "/".join(known)


def _fields(fault: Fault) -> dict[str, str]:
    found = {name: getattr(fault, name) for name in PLACE_FIELDS}
    return {name: value for name, value in found.items() if value is not None}


def _key(fields: dict[str, str]) -> PlaceKey:
    return PlaceKey.parse("/".join(fields.get(name, WILDCARD) for name in PLACE_FIELDS))
