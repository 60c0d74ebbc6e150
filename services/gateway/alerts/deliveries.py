"""How the deliveries of a subscription went, and those that are put back."""

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Path, Query, Request, Security
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.gateway.alerts import openapi
from services.gateway.alerts.desk import AlertDesk, Kept
from services.gateway.alerts.entries import Name, seen, worked_on
from services.gateway.alerts.refusals import unknown, unknown_message
from services.gateway.alerts.subscription_bodies import Sent
from services.gateway.guard import Guard
from shared.alerts.delivery import Delivery
from shared.alerts.desk import HeldSubscription
from shared.auth import Permission, Principal

_WHAT: Final = "subscription"
_log = structlog.get_logger(__name__)
MessageId = Annotated[str, Path(min_length=1, max_length=128, description="The message's id, as the log has it.")]


class DeliveryQuery(BaseModel):
    """How much of a log."""

    model_config = ConfigDict(extra="forbid")

    count: int = Field(50, ge=1, le=1000, description="At most so many attempts.")


class ChannelOff(BaseModel):
    """A channel that gets nothing any more, since its receiver said so."""

    channel: str
    reason: str
    time: AwareDatetime


class ChannelWaits(BaseModel):
    """A channel whose messages wait."""

    channel: str
    messages: int
    due: AwareDatetime


class Deliveries(BaseModel):
    """How the deliveries of a subscription went."""

    deliveries: list[Delivery] = Field(description="The latest attempts, the latest first.")
    waiting: list[ChannelWaits]
    disabled: list[ChannelOff]


def delivery_routes(guard: Guard, desk: AlertDesk) -> APIRouter:
    """The routes, in a router that guards them all."""
    router = APIRouter(prefix="/v1", dependencies=[Security(guard)])
    Reader = Annotated[Principal, Security(guard, scopes=[Permission.READ_VERDICT])]  # noqa: N806 - a type
    Manager = Annotated[Principal, Security(guard, scopes=[Permission.MANAGE_ALERTS])]  # noqa: N806 - a type

    @router.get("/subscriptions/{name}/deliveries", **openapi.DELIVERIES)
    async def deliveries(name: Name, principal: Reader, query: Annotated[DeliveryQuery, Query()]) -> Deliveries:
        """How deliveries went: every attempt, what waits, and the channels that get nothing any more."""

        def read(kept: Kept) -> Deliveries:
            held = kept.desk.subscription(name)
            if held is None or not seen(principal, held.record.scope):
                raise unknown(_WHAT, name)
            return Deliveries(
                deliveries=kept.deliveries.recent(name, query.count),
                waiting=[
                    ChannelWaits(channel=one.channel, messages=one.messages, due=one.due)
                    for one in kept.deliveries.waiting()
                    if one.subscription == name
                ],
                disabled=[
                    ChannelOff(channel=channel, reason=off.reason, time=off.time)
                    for channel, off in kept.deliveries.disabled(name).items()
                ],
            )

        return await desk.ask(read)

    @router.post("/deliveries/{message}/redrive", status_code=202, **openapi.REDRIVE)
    async def redrive(request: Request, message: MessageId, principal: Manager) -> Sent:
        """Put a message that was given up back into its outbox, under its id; one that waits is tried now."""

        def find(kept: Kept) -> HeldSubscription | None:
            return kept.desk.subscription(kept.deliveries.message(message).subscription)

        held = await desk.ask(find)
        if held is None or not seen(principal, held.record.scope):
            raise unknown_message()
        worked_on(_WHAT, held.record.id, request, principal, held)
        sent = await desk.ask(lambda kept: kept.deliveries.redrive(message))
        _log.info("delivery put back", message=message, subscription=sent.subscription, subject=principal.subject)
        return Sent.of(sent)

    return router
