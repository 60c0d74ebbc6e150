"""Redis dies while a receiver answers: what was delivered is noted when it is back, and not delivered again."""

import threading
from pathlib import Path

import pytest

from deploy.local.redis import RedisServer
from shared.alerts.book import AlertBook
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox
from shared.settings import Settings
from tests.integration.notify.conftest import PATIENCE, Receiver, delivering, hook, put, subscribe, until, with_settings
from tests.unit.faults import Told

pytestmark = pytest.mark.redis


def test_redis_away(tmp_path: Path) -> None:
    """Told as a fault meanwhile; longer than a lease, since nobody else could claim."""
    came, go_on = threading.Event(), threading.Event()

    def answer(_: int) -> tuple[int, dict[str, str]]:
        came.set()
        go_on.wait(PATIENCE)
        return 200, {}

    faults = Told()
    with RedisServer(tmp_path) as server, Receiver(answer) as receiver:
        section = {"redis": {"url": server.url, "timeout_s": 1}, "network": {"allow_private": ["127.0.0.0/8"]}}
        settings = with_settings(Settings.model_validate(section), lease_s=1, timeout_s=10 * PATIENCE)
        with (
            AlertBook(settings.redis) as book,
            SubscriptionDesk(settings.redis) as desk,
            Outbox(settings.redis) as outbox,
            delivering(settings, faults),
        ):
            subscription = subscribe(desk, hook(receiver.url))
            first = put(book, subscription, "hook")
            assert came.wait(PATIENCE)
            server.kill()
            until(lambda: faults.kinds == ["registry_away"])
            go_on.set()
            server.start()
            until(lambda: [one.outcome for one in outbox.recent("fails")] == ["delivered"])
            until(lambda: not faults.kinds)
            second = put(book, subscription, "hook")
            until(lambda: len(outbox.recent("fails")) == 2)
    assert receiver.ids == [first.id, second.id]
