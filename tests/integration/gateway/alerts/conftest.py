"""A gateway on a real Redis, and whoever makes alerts there."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import anyio.from_thread
import pytest
import redis

from services.gateway.alerts.desk import AlertDesk
from shared.alerts.conditions import EachFail
from shared.alerts.records import Group, HeldAlert, Trigger
from shared.alerts.subscription import Subscription
from shared.events import now
from shared.registry.place_key import PlaceKey
from shared.settings import RedisSettings
from tests.unit.services.gateway.door import Door
from tests.unit.shared.auth.provider import Provider

DATABASE = 11


@pytest.fixture(scope="module")
def portal() -> Iterator[anyio.from_thread.BlockingPortal]:
    """An event loop in a thread."""
    with anyio.from_thread.start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """An identity provider."""
    with Provider() as running:
        yield running


@pytest.fixture
def settings(redis_url: str) -> Iterator[RedisSettings]:
    """An empty Redis."""
    url = urlsplit(redis_url)._replace(path=f"/{DATABASE}").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield RedisSettings.model_validate({"url": url})
        client.flushdb()


@pytest.fixture
def desk(settings: RedisSettings) -> Iterator[AlertDesk]:
    """The gateway's."""
    with AlertDesk(settings) as desk:
        yield desk


@pytest.fixture
def door(portal: anyio.from_thread.BlockingPortal, provider: Provider, tmp_path: Path, desk: AlertDesk) -> Door:
    """A gateway on that Redis."""
    return Door(portal, provider, tmp_path, alerts=desk)


class Plant:
    """Where parts fail."""

    def __init__(self, desk: AlertDesk) -> None:
        self._kept = desk._kept

    def subscription(self, name: str = "fails", scope: str = "munich") -> Subscription:
        """Make or read one."""
        held = self._kept.desk.subscription(name)
        if held is not None:
            return held.record
        made = Subscription(id=name, scope=PlaceKey.parse(scope), condition=EachFail())
        self._kept.desk.put_subscription(made, expected=None, author="test")
        return made

    def fails(self, part: str, plant: str | None = "munich", line: str = "line-1", name: str = "fails") -> HeldAlert:
        """A part failed: an alert fires, or counts it."""
        trigger = Trigger(id=part, group=Group(plant=plant, line=line), summary=f"part {part} failed", time=now())
        held = self._kept.book.trigger(self.subscription(name), trigger)
        assert held is not None
        return held


@pytest.fixture
def plant(desk: AlertDesk) -> Plant:
    """A plant of that Redis."""
    return Plant(desk)
