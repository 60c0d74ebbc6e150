"""A console on an empty Redis."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from services.console.live.books import Books
from services.console.live.live import Live
from services.console.pictures import Pictures
from shared.alerts import scripts
from shared.alerts.book import AlertBook
from shared.alerts.delivery_desk import DeliveryDesk
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox
from shared.events import Event
from shared.evidence import EvidenceShelf, EvidenceSource, LiveEvidence
from shared.registry.client import Registry
from shared.settings import Settings
from tests.integration.console.alerts.console import Console, make_app


class NoPublisher:
    """These pages publish nothing."""

    def publish(self, event: Event) -> Future[None]:
        """Never called."""
        raise AssertionError(event)


@pytest.fixture
def console(redis_url: str, tmp_path: Path) -> Iterator[Console]:
    """Asks who comes; knows two plants, each by its clock."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        for key in client.scan_iter(scripts.PREFIX + "*"):
            client.delete(key)
    keys = tmp_path / "keys.toml"
    keys.touch()
    plants = {"munich": {"title": "München", "zone": "Europe/Berlin"}, "austin": {"zone": "America/Chicago"}}
    settings = Settings.model_validate(
        {
            "redis": {"url": redis_url},
            "auth": {"keys_file": keys},
            "plants": {"named": plants},
            "store": {"url": str(tmp_path / "store")},
        }
    )
    with ExitStack() as parts:
        book = parts.enter_context(AlertBook(settings.redis))
        desk = parts.enter_context(SubscriptionDesk(settings.redis))
        outbox = parts.enter_context(Outbox(settings.redis))
        live = Live(settings)
        registry = parts.enter_context(Registry(settings.redis))
        books = Books(settings, registry, live.changes)
        evidence = parts.enter_context(LiveEvidence(settings.bus, settings.images, settings.network))
        source = EvidenceSource(EvidenceShelf(settings.store), evidence)
        app = make_app(
            settings,
            live=live,
            pictures=Pictures(source, live.memory, settings.images),
            trials=books.trials,
            jobs=books.jobs,
            registry=registry,
            book=book,
            desk=desk,
            deliveries=parts.enter_context(DeliveryDesk(settings.redis)),
            publisher=NoPublisher(),
        )
        yield Console(app, keys, book, desk, outbox)
