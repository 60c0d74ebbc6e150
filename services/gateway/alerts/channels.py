"""The channels of a subscription: the secrets of its webhooks, tests, and those that were given up."""

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Path, Request, Response, Security

from services.gateway.alerts import openapi
from services.gateway.alerts.desk import AlertDesk
from services.gateway.alerts.entries import Name, worked_on
from services.gateway.alerts.refusals import no_webhook, unknown_channel
from services.gateway.alerts.subscription_bodies import NewSecret, Sent
from services.gateway.guard import Guard
from shared.alerts.channels import Channel
from shared.alerts.desk import HeldSubscription
from shared.alerts.sample import sample_message
from shared.auth import Permission, Principal

_CHANNEL: Final = "/subscriptions/{name}/channels/{channel}"
_log = structlog.get_logger(__name__)
ChannelName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="The channel's name.")]


def channel_routes(guard: Guard, desk: AlertDesk) -> APIRouter:
    """The routes, in a router that guards them all."""
    router = APIRouter(prefix="/v1", dependencies=[Security(guard)])
    Manager = Annotated[Principal, Security(guard, scopes=[Permission.MANAGE_ALERTS])]  # noqa: N806 - a type

    async def mine(request: Request, principal: Principal, name: str, channel: str) -> tuple[HeldSubscription, Channel]:
        found = await desk.ask(lambda kept: kept.desk.subscription(name))
        held = worked_on("subscription", name, request, principal, found)
        wanted = held.record.channel(channel)
        if wanted is None:
            raise unknown_channel(channel)
        return held, wanted

    @router.post(f"{_CHANNEL}/secret", **openapi.SECRET)
    async def secret(
        request: Request, response: Response, name: Name, channel: ChannelName, principal: Manager
    ) -> NewSecret:
        """Make a new secret for a webhook. It is shown this once; the former one is void at once."""
        _, wanted = await mine(request, principal, name, channel)
        if wanted.kind != "webhook":
            raise no_webhook(channel, wanted.kind)
        made = await desk.ask(lambda kept: kept.desk.new_secret(name, channel))
        response.headers["Cache-Control"] = "no-store"
        _log.info("secret changed", subscription=name, channel=channel, subject=principal.subject)
        return NewSecret(subscription=name, channel=channel, secret=made)

    @router.post(f"{_CHANNEL}/test", status_code=202, **openapi.TEST)
    async def test(request: Request, name: Name, channel: ChannelName, principal: Manager) -> Sent:
        """Send a message to a channel as a test: about no real alert, and delivered like any other."""
        held, _ = await mine(request, principal, name, channel)
        message = sample_message(held.record, channel, principal.subject)
        await desk.ask(lambda kept: kept.book.put_message(message))
        return Sent.of(message)

    @router.post(f"{_CHANNEL}/enable", status_code=204, **openapi.ENABLE)
    async def enable(request: Request, name: Name, channel: ChannelName, principal: Manager) -> None:
        """Give a channel messages again, after its receiver said that it wants none (HTTP 410) and was mended."""
        await mine(request, principal, name, channel)
        await desk.ask(lambda kept: kept.deliveries.enable(name, channel))
        _log.info("channel enabled", subscription=name, channel=channel, subject=principal.subject)

    return router
