"""A commit whose answer never comes: it happened, and nobody told the worker."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka.admin import AdminClient

from deploy.local.kafka import KafkaBroker
from deploy.local.process import free_port
from shared.bus.errors import KafkaFailedError
from shared.bus.step import Result
from shared.bus.topics import ensure_topics
from shared.events import PartImage
from tests.integration.bus.proxy import END_TXN, AnswerSwallower
from tests.integration.bus.support import PATIENCE, Scope, assert_exactly_once, supervised

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, AnswerSwallower]]:
    """A broker that clients reach through the proxy only: its address and the proxy."""
    port = free_port()
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"), advertised_port=port)
    with AnswerSwallower(broker.port, port) as proxy, broker:
        ensure_topics(AdminClient({"bootstrap.servers": broker.bootstrap_servers}))
        yield broker.bootstrap_servers, proxy


@pytest.mark.parametrize(
    "silence_s",
    [pytest.param(0.5, id="within the transaction's time"), pytest.param(4.0, id="past it", marks=pytest.mark.slow)],
)
def test_a_commit_that_stays_unanswered_is_neither_lost_nor_repeated(
    proxied: tuple[str, AnswerSwallower], silence_s: float
) -> None:
    """The worker asks what was committed and goes on from there, by the same producer or by one begun again."""
    servers, proxy = proxied
    scope = Scope(servers, transaction_timeout_ms=2500, message_timeout_ms=2000).create_topics()
    images = [scope.image(n, part=f"part-{n % 9}") for n in range(300)]
    batches = 0
    armed = threading.Event()

    def counting(batch: Sequence[PartImage]) -> list[Result]:
        nonlocal batches
        batches += 1
        if batches == 5:
            proxy.arm(END_TXN)
            armed.set()
        return scope.echo(batch)

    scope.publish(images)
    with supervised(lambda: scope.worker(counting)):
        assert armed.wait(PATIENCE)
        assert proxy.swallowed.wait(PATIENCE)
        try:
            time.sleep(silence_s)  # how long the line is dead; nothing is asserted on it
        finally:
            proxy.heal()
        crops = scope.read_crops(count=300)
    assert_exactly_once(crops, images)


@pytest.mark.slow
def test_a_stop_whose_last_commit_stays_unanswered_ends_within_its_budget(proxied: tuple[str, AnswerSwallower]) -> None:
    """The worker ends while the line is still dead; its successor goes on from what was committed, whatever that is."""
    servers, proxy = proxied
    scope = Scope(servers, transaction_timeout_ms=2500, message_timeout_ms=2000, revoke_budget_s=1.5).create_topics()
    images = [scope.image(n, part=f"part-{n % 9}") for n in range(100)]
    stop = threading.Event()
    batches = 0

    def last_words(batch: Sequence[PartImage]) -> list[Result]:
        nonlocal batches
        batches += 1
        if batches == 3:
            stop.set()
            time.sleep(0.5)  # makes it likely that the loop has seen it, and finishes this batch in its revoke
            proxy.arm(END_TXN)
        return scope.echo(batch)

    def run() -> None:
        with contextlib.suppress(KafkaFailedError):
            scope.worker(last_words, instance="ends").run(stop)

    scope.publish(images)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert proxy.swallowed.wait(PATIENCE)
        thread.join(PATIENCE)
        assert not thread.is_alive(), "it waits for Kafka"
    finally:
        proxy.heal()
    with supervised(lambda: scope.worker(instance="ends")):
        crops = scope.read_crops(count=100)
    assert_exactly_once(crops, images)
