"""Where messages go."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from shared.events.base import Model, Slug

_ADDRESS = re.compile(r"[^@\s<>\"',;:\\()\[\]\x00-\x1f\x7f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


def _http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a webhook's address is an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL may not hold a user name or password: receivers know us by the signature")
    return url


def _mail(address: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{address!r} is no e-mail address")
    return address


EmailAddress = Annotated[str, AfterValidator(_mail)]


class Webhook(Model):
    """HTTP POST, signed as Standard Webhooks asks. The secret is kept apart from the subscription."""

    kind: Literal["webhook"] = "webhook"
    name: Slug
    """Of this channel in its subscription: deliveries and secrets are kept by it."""
    url: Annotated[str, StringConstraints(max_length=2048), AfterValidator(_http)]


class Email(Model):
    """A mail with the picture in it."""

    kind: Literal["email"] = "email"
    name: Slug
    to: Annotated[tuple[EmailAddress, ...], Field(min_length=1, max_length=50)]


class Mqtt(Model):
    """A message for an andon light or board, at the broker of the settings."""

    kind: Literal["mqtt"] = "mqtt"
    name: Slug
    topic: Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^#+\x00-\x1f]+$")]
    """Without wildcards (MQTT 5, 4.7)."""
    retain: bool = True
    """Whether a light that is switched on later learns how things stand."""


Channel = Annotated[Webhook | Email | Mqtt, Field(discriminator="kind")]
