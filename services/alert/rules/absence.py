"""Nothing came for too long. Pure.

It is asked as of a moment until which everything that came is known to be counted, so that what waits in a queue is
never taken for missing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from services.alert.groups import covered, expected_group, group_of, words
from services.alert.observation import milliseconds
from services.alert.places import LastSeen
from services.alert.rules.words import length, window
from shared.alerts.conditions import NoPhotos, NoVerdicts
from shared.alerts.records import Group, Trigger
from shared.alerts.subscription import Subscription
from shared.events import Place

Absence = NoPhotos | NoVerdicts


class Silent(NamedTuple):
    """A group from which nothing comes."""

    group: Group
    since: datetime
    """From when on something was expected."""
    last: datetime | None
    """When something last came; None where nothing ever did."""


def watched(
    subscription: Subscription, condition: Absence, places: Mapping[Place, LastSeen]
) -> dict[Group, datetime | None]:
    """When something last came from each group: those that were seen, and the one that the scope names exactly."""
    latest: dict[Group, datetime | None] = {}
    expected = expected_group(subscription)
    if expected is not None:
        latest[expected] = None
    for place, seen in places.items():
        if subscription.scope.matches(place):
            group = group_of(place, subscription.group_by)
            came = seen.photo if isinstance(condition, NoPhotos) else seen.verdict
            known = latest.get(group)
            latest[group] = came if known is None or (came is not None and came > known) else known
    return latest


def silent(
    latest: Mapping[Group, datetime | None], condition: Absence, *, begin: datetime, as_of: datetime
) -> list[Silent]:
    """The groups from which nothing came for too long.

    Args:
        latest: see `watched`.
        condition: how long.
        begin: from when on something is expected at all: the shift began, or somebody began to look.
        as_of: until when everything is counted.
    """
    found = []
    for group, last in latest.items():
        since = begin if last is None else max(begin, last)
        if as_of - since >= window(condition.minutes):
            found.append(Silent(group, since, last))
    return found


def lasts(latest: Mapping[Group, datetime | None], group: Group, condition: Absence, as_of: datetime) -> bool:
    """Whether an alert of the group goes on: nothing came since."""
    if group not in latest:
        return False
    last = latest[group]
    return last is None or as_of - last >= window(condition.minutes)


def trigger(one: Silent, condition: Absence, subscription: Subscription, as_of: datetime) -> Trigger:
    """The trigger of a silent group: one for each time that it falls silent."""
    what = "photo" if isinstance(condition, NoPhotos) else "verdict"
    where = words(covered(one.group, subscription.scope))
    told = "never" if one.last is None else f"{one.last:%Y-%m-%d %H:%M:%S} UTC"
    summary = f"no {what} came from {where} for {length(condition.minutes)}; the last one: {told}"
    return Trigger(id=f"{condition.kind} {milliseconds(one.since)}", group=one.group, summary=summary, time=as_of)
