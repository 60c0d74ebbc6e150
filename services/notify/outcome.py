"""How one attempt to deliver a message ended, as each sender tells it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.alerts.channels import Channel
from shared.alerts.delivery import Claimed
from shared.alerts.records import Message


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took it.

    Attributes:
        status: what it said, one line.
        refused: one line for each recipient of several that will never take it.
    """

    status: str
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Again:
    """It did not take it, perhaps later.

    Attributes:
        status: why, one line.
        retry_after_s: what the receiver asked for, in seconds from now.
        slowly: somebody has to change something first.
        progress: handed to the next attempt; empty: as it was.
        refused: as in `Delivered`.
    """

    status: str
    retry_after_s: float | None = None
    slowly: bool = False
    progress: str = ""
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """It will never take this message."""

    status: str
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """The receiver wants no message any more."""

    status: str
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nothing was sent: something that belongs to the message is still on its way."""

    until: datetime


Outcome = Delivered | Again | Failed | Gone | NotYet
Send = Callable[[Claimed, Message, Channel], Outcome]
"""Delivers one message to one channel, in a time that is limited.

Raises:
    RegistryError: Redis is away.
"""
