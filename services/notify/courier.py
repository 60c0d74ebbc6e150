"""Try one claimed message once: to which channel it goes, and how that went."""

import time
from collections.abc import Callable
from datetime import datetime

import structlog

from services.notify.outcome import Again, Gone, Outcome, Send
from services.notify.record import Attempted, target_of
from shared.alerts.channels import Channel
from shared.alerts.delivery import Claimed
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox
from shared.events import now
from shared.registry.errors import RegistryError

_log = structlog.get_logger(__name__)


class Courier:
    """Finds the channel of a message and hands it to what delivers there. Thread-safe.

    Args:
        outbox: where the claims come from.
        desk: knows the subscriptions.
        send: delivers.
        clock: the present.
    """

    def __init__(
        self, outbox: Outbox, desk: SubscriptionDesk, send: Send, *, clock: Callable[[], datetime] = now
    ) -> None:
        self._outbox = outbox
        self._desk = desk
        self._send = send
        self._clock = clock

    def attempt(self, claimed: Claimed) -> Attempted | None:
        """Try a message once.

        Returns:
            How that went; None where its subscription or channel is no more: then its lane is emptied.

        Raises:
            RegistryError: Redis is away, so that it could not be tried.
        """
        held = self._desk.subscription(claimed.subscription)
        channel = None if held is None else held.record.channel(claimed.channel)
        if channel is None:
            forgotten = held is None
            dropped = self._outbox.forget(claimed.subscription) if forgotten else self._outbox.drop(claimed.lane)
            reason = f"the {'subscription' if forgotten else 'channel'} was removed"
            _log.warning("messages dropped", lane=claimed.lane, messages=dropped, reason=reason)
            return None
        begun = time.monotonic()
        outcome = self._outcome(claimed, channel)
        return Attempted(claimed, channel, outcome, time.monotonic() - begun, self._clock())

    def _outcome(self, claimed: Claimed, channel: Channel) -> Outcome:
        if claimed.message is None:
            return Again("the message is not understood: was it written by a newer version of Linegate?", slowly=True)
        disabled = self._outbox.why_disabled(claimed.subscription, channel.name)
        if disabled is not None:
            if disabled.target == target_of(channel):
                return Gone(f"the channel is disabled since {disabled.time:%Y-%m-%d %H:%M} UTC: {disabled.reason}")
            self._outbox.enable(claimed.subscription, channel.name)
        try:
            return self._send(claimed, claimed.message, channel)
        except RegistryError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours costs no message: it waits as after any other
            _log.exception("a delivery failed by our own fault", message=claimed.id, lane=claimed.lane)
            return Again(f"a fault of Linegate's own: {type(error).__name__}: {error}")
