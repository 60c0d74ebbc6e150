"""Alerts and subscriptions for the gateway's event loop: off it, and what they refuse is a problem."""

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from services.gateway.alerts.feed import AlertFeed
from services.gateway.alerts.refusals import acknowledged, closed, unknown_alert, unknown_message
from services.gateway.redis_pool import RedisPool
from shared.alerts.book import AlertBook
from shared.alerts.delivery_desk import DeliveryDesk
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.errors import AlertClosed, AlreadyAcknowledged, UnknownAlert, UnknownMessage
from shared.settings.sections import RedisSettings

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Kept:
    """What Redis keeps of alerts."""

    book: AlertBook
    desk: SubscriptionDesk
    deliveries: DeliveryDesk


class AlertDesk:
    """Asks what Redis keeps of alerts. It connects when it is first asked: the gateway starts while Redis is away.

    Args:
        settings: where Redis is.
    """

    def __init__(self, settings: RedisSettings) -> None:
        self._kept = Kept(AlertBook(settings), SubscriptionDesk(settings), DeliveryDesk(settings))
        self._pool = RedisPool("alerts")
        self.feed = AlertFeed(self._kept.book)
        """The log, for those who listen."""

    async def ask(self, work: Callable[[Kept], ResultT]) -> ResultT:
        """What `work` makes of it.

        Raises:
            ProblemError: 404 no such alert or message, 409 the step does not follow, 412 somebody else changed it,
                503 Redis is away, or too many ask.
        """
        try:
            return await self._pool.run(lambda: work(self._kept))
        except UnknownAlert:
            raise unknown_alert() from None
        except UnknownMessage:
            raise unknown_message() from None
        except AlreadyAcknowledged as error:
            raise acknowledged(error) from None
        except AlertClosed as error:
            raise closed(error) from None

    def close(self) -> None:
        """End the streams and take no more questions."""
        self.feed.close()
        self._pool.close()
        self._kept.book.close()
        self._kept.desk.close()
        self._kept.deliveries.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
