"""A Redis of the test's own, and the two commands on it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
import typer
from typer.testing import CliRunner

from services.alert.cli.alerts import app as alerts_app
from services.alert.cli.stores import Stores
from services.alert.cli.subscriptions import app as subscriptions_app
from shared.alerts.book import AlertBook
from shared.alerts.delivery_desk import DeliveryDesk
from shared.alerts.desk import SubscriptionDesk
from shared.settings.sections import RedisSettings

DATABASE = 12
Run = Callable[..., str]


@pytest.fixture
def settings(redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RedisSettings]:
    """An empty database, which the commands find by the environment."""
    url = urlsplit(redis_url)._replace(path=f"/{DATABASE}").geturl()
    config = tmp_path / "linegate.toml"
    config.write_text('[plants.named.munich]\nzone = "Europe/Berlin"\n')
    for name, value in {"REDIS_URL": url, "LINEGATE_CONFIG": str(config), "COLUMNS": "250", "TZ": "UTC"}.items():
        monkeypatch.setenv(name, value)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield RedisSettings.model_validate({"url": url})
        client.flushdb()


@pytest.fixture
def stores(settings: RedisSettings) -> Iterator[Stores]:
    """What Redis keeps."""
    with AlertBook(settings) as book, SubscriptionDesk(settings) as desk, DeliveryDesk(settings) as deliveries:
        yield Stores(book, desk, deliveries)


def _runner(app: typer.Typer) -> Run:
    def run(*arguments: str, status: int = 0) -> str:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return re.sub(r"[\s│╭╮╰╯─]+", " ", result.output)

    return run


@pytest.fixture
def subscriptions(stores: Stores) -> Run:
    """Run `linegate subscriptions ...`; answers what it says, raises its error."""
    del stores
    return _runner(subscriptions_app)


@pytest.fixture
def alerts(stores: Stores) -> Run:
    """Run `linegate alerts ...` likewise."""
    del stores
    return _runner(alerts_app)
