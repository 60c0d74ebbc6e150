"""Record how an attempt ended: what becomes of the message, the line in the delivery log, the metrics."""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from services.notify.metrics import NotifyMetrics
from services.notify.outcome import Again, Delivered, Failed, Gone, NotYet, Outcome
from services.notify.retry import Draw, next_attempt
from shared.alerts.channels import Channel, Webhook
from shared.alerts.delivery import Claimed, Delivery, DeliveryOutcome
from shared.alerts.outbox import Outbox
from shared.settings.notify import NotifySettings

STATUS_CHARACTERS: Final = 512
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Attempted:
    """An attempt that is over.

    Attributes:
        claimed: what was tried.
        channel: by which way.
        outcome: how it ended.
        seconds: how long it took.
        at: when it was over.
    """

    claimed: Claimed
    channel: Channel
    outcome: Outcome
    seconds: float
    at: datetime

    def entry(self, told: DeliveryOutcome, status: str, following: datetime | None = None) -> Delivery | None:
        """Its line in the log; None where the message is not understood, so that nothing can be said about it."""
        message = self.claimed.message
        if message is None:
            return None
        return Delivery(
            message=message.id,
            subscription=message.subscription,
            channel=message.channel,
            step=message.change.step,
            alert=message.change.alert,
            test=message.test,
            attempt=self.claimed.attempt,
            outcome=told,
            status=" ".join(status.split())[:STATUS_CHARACTERS],
            seconds=round(self.seconds, 3),
            next_attempt=following,
            time=self.at,
        )


class Recorder:
    """Tells the outbox what became of messages. Thread-safe.

    Args:
        outbox: where they were claimed.
        settings: when to try again.
        metrics: told of every attempt.
        draw: chance, for the back-off.
    """

    def __init__(
        self, outbox: Outbox, settings: NotifySettings, *, metrics: NotifyMetrics, draw: Draw = random.random
    ) -> None:
        self._outbox = outbox
        self._settings = settings
        self._metrics = metrics
        self._draw = draw

    def record(self, made: Attempted) -> None:
        """Record one attempt. May be called again where it raised.

        Raises:
            RegistryError: Redis is away.
        """
        claimed, outcome = made.claimed, made.outcome
        if isinstance(outcome, NotYet):
            self._outbox.later(claimed, outcome.until, counted=False)
            return
        told, ours = self._settled(made, outcome)
        if not ours:
            _log.warning("a delivery was not recorded: the claim was lost", message=claimed.id, lane=claimed.lane)
            return
        for line in outcome.refused:
            if (refusal := made.entry("failed", line)) is not None:
                self._outbox.log(refusal)
        self._tell(made, told, outcome.status)

    def _settled(self, made: Attempted, outcome: Delivered | Again | Failed | Gone) -> tuple[DeliveryOutcome, bool]:
        """What is told of it, and whether the claim was still ours."""
        claimed = made.claimed
        match outcome:
            case Delivered():
                return "delivered", self._outbox.done(claimed, made.entry("delivered", outcome.status))
            case Failed():
                return "failed", self._outbox.give_up(claimed, made.entry("failed", outcome.status))
            case Gone():
                self._disable(made, outcome)
                return "disabled", self._outbox.give_up(claimed, made.entry("disabled", outcome.status))
            case Again():
                following = self._following(made, outcome)
                if following is None:
                    entry = made.entry("failed", f"given up: {outcome.status}")
                    return "failed", self._outbox.give_up(claimed, entry)
                entry = made.entry("retry", outcome.status, following)
                return "retry", self._outbox.later(claimed, following, entry, progress=outcome.progress)

    def _following(self, made: Attempted, outcome: Again) -> datetime | None:
        return next_attempt(
            self._settings,
            attempt=made.claimed.attempt,
            since=made.claimed.since,
            at=made.at,
            draw=self._draw,
            retry_after_s=outcome.retry_after_s,
            slowly=outcome.slowly,
        )

    def _disable(self, made: Attempted, outcome: Gone) -> None:
        lane = made.claimed.lane
        if self._outbox.why_disabled(*lane.split("/", 1)) is None:
            self._outbox.disable(*lane.split("/", 1), reason=outcome.status, target=target_of(made.channel))
            _log.warning("a channel is disabled by its receiver", lane=lane, status=outcome.status)

    def _tell(self, made: Attempted, told: DeliveryOutcome, status: str) -> None:
        claimed = made.claimed
        latency = None
        if told == "delivered" and claimed.message is not None and not claimed.message.test:
            latency = max(0.0, (made.at - claimed.since).total_seconds())
        self._metrics.attempted(made.channel.kind, told, seconds=made.seconds, latency_s=latency)
        say = _log.info if told == "delivered" else _log.warning
        say("delivery", outcome=told, lane=claimed.lane, message=claimed.id, attempt=claimed.attempt, status=status)


def target_of(channel: Channel) -> str:
    """The address that can say that it wants nothing more."""
    return channel.url if isinstance(channel, Webhook) else ""
