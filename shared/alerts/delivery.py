"""What is known of the way of messages to their channels: attempts, disabled channels, what waits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from shared.alerts.records import Message
from shared.events import AlertStep
from shared.events.base import Id, Model, Slug

DeliveryOutcome = Literal["delivered", "retry", "failed", "disabled"]
"""- `delivered`: the receiver took it.
- `retry`: it did not; it is tried again at `next_attempt`.
- `failed`: given up. It can be put back (`Outbox.redrive`).
- `disabled`: the receiver wants nothing any more (HTTP 410), or said so before. It can be put back likewise.
"""


class Delivery(Model):
    """One entry of a subscription's delivery log: one attempt."""

    message: Id
    subscription: Slug
    channel: Slug
    step: AlertStep
    alert: Id
    test: bool = False
    attempt: Annotated[int, Field(ge=1)]
    """The first is 1."""
    outcome: DeliveryOutcome
    status: Annotated[str, StringConstraints(max_length=512)]
    """What the receiver said, or why it was not asked: one line, for people."""
    seconds: Annotated[float, Field(ge=0)]
    """How long the attempt took."""
    next_attempt: AwareDatetime | None = None
    time: AwareDatetime
    """When it was over."""
    kept: bool = False
    """Whether `Outbox.redrive` can put it back now; filled in when the log is read."""


class Disabled(Model):
    """Why a channel gets nothing any more."""

    reason: Annotated[str, StringConstraints(max_length=512)]
    target: str = ""
    """The address that said so: with another one the channel is tried again."""
    time: AwareDatetime


class Waiting(Model):
    """An outbox that is not empty."""

    subscription: str
    channel: str
    messages: int
    due: AwareDatetime
    """When its head is tried next; while it is being tried, when somebody else would."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The head of a lane, ours to deliver until the lease is over.

    Attributes:
        lane: its outbox, `subscription/channel`.
        token: which claim this is.
        id: the message's.
        message: None where it is not understood, e.g. written by a newer version of Linegate.
        attempt: which this is; the first is 1.
        since: from when on it is tried: when it was made or last put back.
        progress: what the last attempt left (`Outbox.later`).
    """

    lane: str
    token: str
    id: str
    message: Message | None
    attempt: int
    since: datetime
    progress: str

    @property
    def subscription(self) -> str:
        """Whose outbox."""
        return self.lane.split("/", 1)[0]

    @property
    def channel(self) -> str:
        """Of which of its channels."""
        return self.lane.split("/", 1)[1]
