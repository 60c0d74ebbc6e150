"""Subscriptions of the desk, for whoever may see or change them."""

from services.console.deps import Deps
from services.console.pages.subscriptions.view import plant_of, visible
from services.console.problems import NotFound
from services.console.visitor import Visitor
from services.console.words import N_
from shared.alerts.channels import Channel
from shared.alerts.desk import HeldSubscription
from shared.alerts.subscription import Subscription
from shared.auth import Permission
from shared.registry.place_key import PlaceKey


def seen(deps: Deps, visitor: Visitor, name: str) -> HeldSubscription:
    """One that the visitor may see.

    Raises:
        NotFound: there is none, or they may not see it.
    """
    held = deps.desk.subscription(name)
    if held is None or not visible(held.record.scope, visitor):
        raise NotFound(N_("There is no such subscription"))
    return held


def managed(deps: Deps, visitor: Visitor, name: str) -> HeldSubscription:
    """One that the visitor may change.

    Raises:
        NotFound: there is none, or they may not see it.
        Forbidden: they may see it only.
    """
    held = seen(deps, visitor, name)
    visitor.must(Permission.MANAGE_ALERTS, plant_of(held.record.scope))
    return held


def channel_of(record: Subscription, name: str) -> Channel:
    """A channel of a subscription.

    Raises:
        NotFound: there is none.
    """
    channel = record.channel(name)
    if channel is None:
        raise NotFound(N_("There is no such channel"))
    return channel


def places_seen(deps: Deps, visitor: Visitor) -> list[PlaceKey]:
    """Places that assignments, stations and subscriptions name, of plants that the visitor may read."""
    snapshot = deps.registry.snapshot()
    keys = [PlaceKey(text) for text in (*snapshot.assignments, *snapshot.stations)]
    keys += [held.record.scope for held in deps.desk.subscriptions().values()]
    return [key for key in keys if visitor.may(Permission.READ_VERDICT, plant_of(key))]


def first_plant(visitor: Visitor) -> str | None:
    """The plant that a new form begins with: the one looked at, or the only one; None where there is a choice."""
    plants = [plant for plant in visitor.shown if visitor.may(Permission.MANAGE_ALERTS, plant)]
    return plants[0] if len(plants) == 1 else None
