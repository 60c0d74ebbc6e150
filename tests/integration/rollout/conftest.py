"""`linegate rollout` on a registry of its own."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import redis
from typer.testing import CliRunner

from services.rollout.cli.app import app
from shared.registry.client import Registry
from shared.registry.records import VersionRecord
from shared.settings import RedisSettings

Rollout = Callable[..., str]


@pytest.fixture
def registry(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """An empty registry with versions v1, v2 and v4, which the command finds by its environment."""
    url = urlsplit(redis_url)._replace(path="/8").geturl()
    monkeypatch.setenv("LINEGATE_REDIS__URL", url)
    monkeypatch.setenv("COLUMNS", "200")
    with redis.Redis.from_url(url) as client, Registry(RedisSettings.model_validate({"url": url})) as registry:
        client.flushdb()
        for version in ("v1", "v2", "v4"):
            registry.register(VersionRecord(version=version, digest=version[1] * 64, kind="padim", author="ada"))
        yield registry
        client.flushdb()


@pytest.fixture
def rollout(registry: Registry) -> Rollout:
    """Run `linegate rollout ...`; answers its output, raises its error."""
    del registry

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return re.sub(r"\s+", " ", result.stdout)

    return run
