"""What the pages are made of. Pages take from it what they need; `app.create_app` and `main` hand the parts in."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.console.live.jobs import JobBook
from services.console.live.live import Live
from services.console.live.trials import TrialBook
from services.console.pictures import Pictures
from services.console.screen import Screen
from shared.alerts.book import AlertBook
from shared.alerts.delivery_desk import DeliveryDesk
from shared.alerts.desk import SubscriptionDesk
from shared.events import Event
from shared.registry.client import Registry
from shared.settings import Settings


class Publisher(Protocol):
    """What the console needs of `shared.bus.publisher.EventPublisher`."""

    def publish(self, event: Event, /) -> "Future[Any]":
        """Hand `event` to Kafka; the future resolves when the broker holds it."""
        ...


@dataclass(frozen=True)
class Deps:
    """Handed to every page's `routes(deps)`. To add a part: a field here, and one line in `main.py`."""

    settings: Settings
    screen: Screen
    """Renders templates."""
    live: Live
    """What happens now, from Kafka; and what tells browsers of changes."""
    pictures: Pictures
    """Photos, crops and overlays, from the store, Kafka and memory."""
    registry: Registry
    """Versions and assignments, in Redis."""
    book: AlertBook
    """Alerts, in Redis."""
    desk: SubscriptionDesk
    """Subscriptions and silences, in Redis."""
    deliveries: DeliveryDesk
    """How messages reached their receivers, in Redis."""
    publisher: Publisher
    """Takes events to Kafka."""
    trials: TrialBook = field(default_factory=lambda: TrialBook(lambda: None))
    """What both versions of each trial thought of the latest parts; empty where nobody fills it."""
    jobs: JobBook = field(default_factory=JobBook)
    """Jobs of the training service; likewise."""
