"""Forget what is left of subscriptions that were removed."""

import structlog

from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox

_log = structlog.get_logger(__name__)


def sweep(outbox: Outbox, desk: SubscriptionDesk) -> None:
    """Forget the log, the flags and the outboxes of subscriptions that are no more.

    Raises:
        RegistryError: Redis is away.
    """
    # In this order: one that was made in between is among both, and keeps its log.
    logged = outbox.logged()
    known = set(desk.subscriptions()) if logged else set()
    for gone in sorted(logged - known):
        outbox.forget(gone)
        _log.info("a removed subscription is forgotten", subscription=gone)
