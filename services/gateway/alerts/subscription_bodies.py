"""What the routes of subscriptions and silences take and answer."""

from datetime import datetime
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from fastapi import Request
from pydantic import BaseModel, Field, ValidationError

from services.gateway.json_body import invalid, read_object
from services.gateway.problems import FieldError, ProblemError
from shared.alerts.channels import Channel, Webhook
from shared.alerts.desk import HeldSilence, HeldSubscription
from shared.alerts.findings import findings
from shared.alerts.records import Message, Silence
from shared.alerts.subscription import Subscription
from shared.events import now

SUBSCRIPTION_BYTES = 64 * 1024
"""Sixteen channels of fifty addresses are long."""
HIDDEN = "/…"
"""Stands for the rest of a URL that is shown to those who may not change it: many a path is a password."""


class SubscriptionShown(Subscription):
    """A subscription. Its entity tag is its revision in quotation marks. The secrets of webhooks are not part of it."""

    revision: int = Field(examples=[12])

    @classmethod
    def of(cls, held: HeldSubscription, *, whole: bool) -> Self:
        """As Redis holds it; unless `whole`, without the paths of webhooks."""
        record = held.record if whole else without_paths(held.record)
        return cls.model_validate({**record.model_dump(), "revision": held.revision})


class Subscriptions(BaseModel):
    """Every subscription that you may see, by id."""

    subscriptions: list[SubscriptionShown]


class SubscriptionChanged(BaseModel):
    """It was made or changed."""

    subscription: SubscriptionShown
    warnings: list[str] = Field(
        description="What is allowed and will surprise, e.g. a webhook at an address that nothing is delivered to; "
        "empty is well."
    )


class SilenceShown(Silence):
    """A silence. Its entity tag is its revision in quotation marks."""

    revision: int = Field(examples=[12])
    state: Literal["coming", "active", "over"]

    @classmethod
    def of(cls, held: HeldSilence, at: datetime) -> Self:
        """As Redis holds it, at a moment."""
        record = held.record
        state = "coming" if at < record.begin else "active" if at < record.end else "over"
        return cls.model_validate({**record.model_dump(), "revision": held.revision, "state": state})


class Silences(BaseModel):
    """Every silence that you may see, by id."""

    silences: list[SilenceShown]


class NewSecret(BaseModel):
    """The secret of a webhook, shown this once."""

    subscription: str
    channel: str
    secret: str = Field(
        description="`whsec_` and 32 random bytes in base64, as Standard Webhooks has it. The former one is void.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw…"],
    )


class Sent(BaseModel):
    """A message is in its outbox. How it goes is in the delivery log."""

    message: str
    subscription: str
    channel: str
    log: str = Field(description="Where the delivery log is: a path on this gateway.")

    @classmethod
    def of(cls, message: Message) -> "Sent":
        """What was put there."""
        log = f"/v1/subscriptions/{message.subscription}/deliveries"
        return cls(message=message.id, subscription=message.subscription, channel=message.channel, log=log)


async def read_subscription(request: Request, name: str) -> Subscription:
    """The subscription in the body; its id is that of the path.

    What GET answers may be sent back as it is: `revision` and `owner` are passed over.

    Raises:
        ProblemError: 413 too large, 422 one line for each field that is wrong.
    """
    body = await read_object(request, SUBSCRIPTION_BYTES)
    wanted = {field: value for field, value in body.items() if field not in ("revision", "owner")}
    _same_id(wanted, name)
    try:
        found = Subscription.model_validate(wanted)
    except ValidationError as error:
        raise _wrong(error) from None
    for channel in found.all_channels():
        if isinstance(channel, Webhook) and channel.url.endswith(HIDDEN):
            told = f"the address of {channel.name} is not whole: `…` stands for what you were not shown"
            raise invalid([FieldError(field="channels", message=told)])
    return found


async def read_silence(request: Request, name: str, by: str) -> Silence:
    """The silence in the body, by whoever asks; from now on unless it says when it begins. Raises likewise."""
    body = await read_object(request)
    wanted = {field: value for field, value in body.items() if field not in ("revision", "state", "by")}
    _same_id(wanted, name)
    try:
        return Silence.model_validate({"begin": now(), **wanted, "by": by})
    except ValidationError as error:
        raise _wrong(error) from None


def without_paths(subscription: Subscription) -> Subscription:
    """The same, of each webhook only where it leads."""
    update: dict[str, Any] = {"channels": tuple(map(_without_path, subscription.channels))}
    if subscription.escalation is not None:
        channels = tuple(map(_without_path, subscription.escalation.channels))
        update["escalation"] = subscription.escalation.model_copy(update={"channels": channels})
    return subscription.model_copy(update=update)


def _without_path(channel: Channel) -> Channel:
    if not isinstance(channel, Webhook):
        return channel
    parts = urlsplit(channel.url)
    rest = channel.url.removeprefix(f"{parts.scheme}://{parts.netloc}") not in ("", "/")
    return channel.model_copy(update={"url": f"{parts.scheme}://{parts.netloc}{HIDDEN if rest else ''}"})


def _same_id(body: dict[str, Any], name: str) -> None:
    if body.setdefault("id", name) != name:
        raise invalid([FieldError(field="id", message=f"is not the path's, which is {name}; leave it out")])


def _wrong(error: ValidationError) -> ProblemError:
    return invalid([FieldError(field=one.field or "request", message=one.message) for one in findings(error)])
