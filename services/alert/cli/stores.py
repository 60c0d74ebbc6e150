"""Where the commands find what they work on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import LinegateError

if TYPE_CHECKING:
    from shared.alerts.book import AlertBook
    from shared.alerts.delivery_desk import DeliveryDesk
    from shared.alerts.desk import HeldSubscription, SubscriptionDesk


@dataclass(frozen=True, slots=True)
class Stores:
    """What Redis keeps of alerts."""

    book: "AlertBook"
    desk: "SubscriptionDesk"
    deliveries: "DeliveryDesk"


@contextmanager
def open_stores() -> Iterator[Stores]:
    """Those of the settings."""
    from shared.alerts.book import AlertBook
    from shared.alerts.delivery_desk import DeliveryDesk
    from shared.alerts.desk import SubscriptionDesk
    from shared.settings import load_settings

    redis = load_settings().redis
    with AlertBook(redis) as book, SubscriptionDesk(redis) as desk, DeliveryDesk(redis) as deliveries:
        yield Stores(book, desk, deliveries)


def known(stores: Stores, name: str) -> "HeldSubscription":
    """The subscription of that name.

    Raises:
        LinegateError: there is none.
    """
    held = stores.desk.subscription(name)
    if held is None:
        raise LinegateError(f"there is no subscription {name}", hint="`linegate subscriptions list` shows all")
    return held
