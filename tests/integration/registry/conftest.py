"""A registry of its own for every test."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import redis

from shared.registry.client import Registry
from shared.settings import RedisSettings

DATABASE = 7
"""Of the tests' Redis: the other tests leave it alone."""


@pytest.fixture
def registry_settings(redis_url: str) -> Iterator[RedisSettings]:
    """An empty database on the real server."""
    url = urlsplit(redis_url)._replace(path=f"/{DATABASE}").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield RedisSettings.model_validate({"url": url})
        client.flushdb()


@pytest.fixture
def registry(registry_settings: RedisSettings) -> Iterator[Registry]:
    """A client of the empty registry."""
    with Registry(registry_settings) as client:
        yield client
