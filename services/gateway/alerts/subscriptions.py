"""`/v1/subscriptions`: who is told of what, where, when and how."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Request, Response, Security

from services.gateway.alerts import openapi
from services.gateway.alerts.desk import AlertDesk, Kept
from services.gateway.alerts.entries import (
    Name,
    author,
    changed_from,
    managed,
    refuse_before_reading,
    refuse_foreign,
    seen,
    worked_on,
)
from services.gateway.alerts.refusals import unknown
from services.gateway.alerts.subscription_bodies import (
    SubscriptionChanged,
    Subscriptions,
    SubscriptionShown,
    read_subscription,
)
from services.gateway.guard import Guard
from services.gateway.preconditions import entity_tag, not_modified, of_change
from shared.alerts.advice import warnings
from shared.alerts.desk import HeldSubscription
from shared.auth import Permission, Principal
from shared.settings.sections import NetworkSettings

_ONE = "/subscriptions/{name}"
_WHAT = "subscription"
_log = structlog.get_logger(__name__)


def subscription_routes(guard: Guard, desk: AlertDesk, network: NetworkSettings) -> APIRouter:
    """The routes, in a router that guards them all."""
    router = APIRouter(prefix="/v1", dependencies=[Security(guard)])
    Reader = Annotated[Principal, Security(guard, scopes=[Permission.READ_VERDICT])]  # noqa: N806 - a type
    Manager = Annotated[Principal, Security(guard, scopes=[Permission.MANAGE_ALERTS])]  # noqa: N806 - a type

    @router.get("/subscriptions", **openapi.SUBSCRIPTIONS)
    async def subscriptions(principal: Reader) -> Subscriptions:
        """Every subscription that you may see: of your plants, and those of every plant if you may read everywhere."""
        found = (await desk.ask(lambda kept: kept.desk.subscriptions())).values()
        return Subscriptions(
            subscriptions=[_shown(held, principal) for held in found if seen(principal, held.record.scope)]
        )

    @router.get(_ONE, response_model=SubscriptionShown, **openapi.SUBSCRIPTION)
    async def subscription(
        request: Request, response: Response, name: Name, principal: Reader
    ) -> SubscriptionShown | Response:
        """One subscription, without the secrets of its webhooks; who may not change it sees where they lead only."""
        held = await desk.ask(lambda kept: kept.desk.subscription(name))
        if held is None or not seen(principal, held.record.scope):
            raise unknown(_WHAT, name)
        tag = {"ETag": entity_tag(held.revision)}
        if not_modified(request, held.revision):
            return Response(status_code=304, headers=tag)
        response.headers.update(tag)
        return _shown(held, principal)

    @router.put(_ONE, **openapi.PUT_SUBSCRIPTION)
    async def put(request: Request, response: Response, name: Name, principal: Manager) -> SubscriptionChanged:
        """Make a subscription, or change all of it. Moving it to another plant needs the permission at both."""
        held = await desk.ask(lambda kept: kept.desk.subscription(name))
        refuse_before_reading(request, principal, held)
        wanted = await read_subscription(request, name)
        expected = changed_from(_WHAT, name, principal, held, of_change(request))
        refuse_foreign(request, principal, wanted.scope)
        by = author(principal)

        def write(kept: Kept) -> tuple[int, frozenset[str]]:
            revision = kept.desk.put_subscription(wanted, expected=expected, author=by)
            return revision, kept.desk.with_secrets()

        revision, secrets = await desk.ask(write)
        now_held = HeldSubscription(revision=revision, record=wanted.model_copy(update={"owner": by}))
        response.status_code = 201 if expected is None else 200
        response.headers["ETag"] = entity_tag(revision)
        _log.info("subscription changed", subscription=name, revision=revision, subject=principal.subject)
        return SubscriptionChanged(
            subscription=_shown(now_held, principal),
            warnings=warnings(wanted, network, has_secret=lambda channel: f"{name}/{channel}" in secrets),
        )

    @router.delete(_ONE, status_code=204, **openapi.DELETE_SUBSCRIPTION)
    async def delete(request: Request, name: Name, principal: Manager) -> None:
        """Remove a subscription and the secrets of its webhooks. Its open alerts stay, and tell nobody any more."""
        found = await desk.ask(lambda kept: kept.desk.subscription(name))
        held = worked_on(_WHAT, name, request, principal, found)
        of_change(request).check(held.revision)
        by = author(principal)
        await desk.ask(lambda kept: kept.desk.remove_subscription(name, expected=held.revision, author=by))
        _log.info("subscription removed", subscription=name, subject=principal.subject)

    return router


def _shown(held: HeldSubscription, principal: Principal) -> SubscriptionShown:
    return SubscriptionShown.of(held, whole=managed(principal, held.record.scope))
