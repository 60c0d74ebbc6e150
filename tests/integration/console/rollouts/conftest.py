"""A console on an empty Redis and an empty store."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import redis

from services.console.app import create_app
from services.console.deps import Deps
from services.console.live.books import Books
from services.console.live.live import Live
from services.console.pictures import Pictures
from services.console.screen import Screen
from shared.alerts.book import AlertBook
from shared.alerts.delivery_desk import DeliveryDesk
from shared.alerts.desk import SubscriptionDesk
from shared.auth import make_authenticator
from shared.events import Event
from shared.registry.client import Registry
from shared.settings import Settings
from shared.store import ArtifactStore
from tests.integration.console.rollouts.console import Console

DATABASE = 9
"""Of the tests' Redis: the other tests leave it alone."""


class NoPublisher:
    """These pages publish nothing."""

    def publish(self, event: Event) -> "Future[Any]":
        """Never called."""
        raise AssertionError(event)


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Iterator[Settings]:
    """Two plants, each with its clock; nobody may do anything yet."""
    url = urlsplit(redis_url)._replace(path=f"/{DATABASE}").geturl()
    keys = tmp_path / "keys.toml"
    keys.touch()
    named = {
        "munich": {"title": "Werk München", "zone": "Europe/Berlin", "shifts": [{"name": "all", "begin": "00:00"}]},
        "austin": {"zone": "America/Chicago"},
    }
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield Settings.model_validate(
            {
                "redis": {"url": url},
                "auth": {"keys_file": keys},
                "plants": {"named": named},
                "store": {"url": str(tmp_path / "store"), "cache_dir": str(tmp_path / "cache")},
            }
        )
        client.flushdb()


@pytest.fixture
def console(settings: Settings) -> Iterator[Console]:
    """Its books are filled where a test enters them."""
    with ExitStack() as parts:
        registry = parts.enter_context(Registry(settings.redis))
        book = parts.enter_context(AlertBook(settings.redis))
        desk = parts.enter_context(SubscriptionDesk(settings.redis))
        deliveries = parts.enter_context(DeliveryDesk(settings.redis))
        live = Live(settings)
        books = Books(settings, registry, live.changes)

        def make_deps(screen: Screen) -> Deps:
            return Deps(
                settings=settings,
                screen=screen,
                live=live,
                pictures=cast("Pictures", None),
                registry=registry,
                book=book,
                desk=desk,
                deliveries=deliveries,
                publisher=NoPublisher(),
                trials=books.trials,
                jobs=books.jobs,
            )

        app = create_app(settings, make_authenticator(settings.auth), make_deps)
        keys = settings.auth.keys_file
        assert keys is not None
        yield Console(app, settings, keys, registry, ArtifactStore(settings.store), books, live.changes)
