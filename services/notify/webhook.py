"""Webhooks by Standard Webhooks (standardwebhooks.com): HTTP POST, signed, through the network guard."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from standardwebhooks.webhooks import Webhook as Signer

from services.notify.outcome import Again, Delivered, Gone, Outcome
from services.notify.render.body import webhook_body
from services.notify.retry import retry_after_s
from shared.alerts.channels import Webhook
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.records import Message
from shared.events import now
from shared.network import NetworkGuard, TargetRefused, TargetUnreachable, request

ANSWER_BYTES: Final = 4096
"""Nobody reads what a receiver answers beyond its status."""


class WebhookSender:
    """Posts messages. Thread-safe.

    Args:
        desk: holds the secrets; one is made for a webhook that has none.
        guard: says which machines may be reached.
        timeout_s: for the whole exchange.
        console_url: for the link in the body.
        clock: the present.
    """

    def __init__(
        self,
        desk: SubscriptionDesk,
        guard: NetworkGuard,
        *,
        timeout_s: float,
        console_url: str | None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._desk = desk
        self._guard = guard
        self._timeout = timeout_s
        self._console_url = console_url
        self._clock = clock

    def send(self, message: Message, channel: Webhook) -> Outcome:
        """Post a message once.

        Raises:
            RegistryError: Redis, which has the secret, is away.
        """
        secret = self._desk.secret(message.subscription, channel.name) or self._desk.first_secret(
            message.subscription, channel.name
        )
        body = webhook_body(message, console_url=self._console_url)
        at = self._clock().astimezone(UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Signer(secret).sign(message.id, at, body),
        }
        try:
            answer = request(
                "POST",
                channel.url,
                guard=self._guard,
                limit=ANSWER_BYTES,
                timeout_s=self._timeout,
                headers=headers,
                content=body.encode(),
            )
        except TargetRefused as refused:
            # Somebody changes the settings, the name's address or the subscription; until then it stays refused.
            return Again(refused.line, slowly=True)
        except TargetUnreachable as away:
            return Again(away.line)
        return outcome_of(answer.status, answer.headers.get("retry-after"), at)


def outcome_of(status: int, retry_after: str | None, at: datetime) -> Outcome:
    """What an answer means."""
    told = _told(status)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Delivered(told)
    if status == HTTPStatus.GONE:
        return Gone(told)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        told += ": redirects are not followed, the channel must name the final address"
    return Again(told, retry_after_s=retry_after_s(retry_after, at))


def _told(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"
