"""Transactions that Kafka does not take: abort, go back, say why; and nothing is lost or doubled."""

import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from shared.bus.envelope import encode
from shared.bus.errors import FencedError, KafkaFailedError
from shared.bus.record import OutgoingRecord
from shared.bus.step import DeadLetter, Result
from shared.bus.topics import dead_letter_topic, ensure_topics
from shared.bus.transactions import Transactions
from shared.events import PartImage
from tests.integration.bus.support import PATIENCE, Scope, assert_exactly_once, running
from tests.integration.conftest import Kafka

pytestmark = pytest.mark.kafka


@pytest.fixture
def scope(kafka: Kafka) -> Scope:
    """Topics of this test's own."""
    return Scope(kafka.bootstrap_servers).create_topics()


def _limit(scope: Scope, topic: str, limit: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(limit), incremental_operation=AlterConfigOpType.SET)
    admin = AdminClient({"bootstrap.servers": scope.settings.bootstrap_servers})
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(PATIENCE)


def test_a_topic_that_refuses_a_record_is_named_and_holds_everything_back(scope: Scope) -> None:
    """The limit of a topic is below ours: our fault, not the photo's. Once it is mended, each photo comes out once."""
    images = [scope.image(n, part="p", pixels=bytes(40_000 if n == 7 else 10)) for n in range(20)]
    scope.publish(images)
    _limit(scope, scope.crops.TOPIC, 20_000)
    with pytest.raises(KafkaFailedError, match=rf"{scope.crops.TOPIC}: .*too large"):
        scope.worker(max_failures=2, max_events=4).run(threading.Event())
    _limit(scope, scope.crops.TOPIC, 1_000_000)
    with running(scope.worker()):
        crops = scope.read_crops(count=20)
    assert_exactly_once(crops, images)


def test_a_topic_that_is_gone_is_named_and_holds_everything_back(kafka: Kafka) -> None:
    """A dead letter without a dead-letter topic is not dropped: it waits until there is one."""
    scope = Scope(kafka.bootstrap_servers)
    admin = AdminClient({"bootstrap.servers": scope.settings.bootstrap_servers})
    ensure_topics(admin, partitions=1, topics=(scope.images.TOPIC, scope.crops.TOPIC))

    def step(batch: Sequence[PartImage]) -> list[Result]:
        return [
            DeadLetter("blurred") if image.id == "image-1" else result
            for image, result in zip(batch, scope.echo(batch), strict=True)
        ]

    images = [scope.image(n, part="p") for n in range(4)]
    scope.publish(images)
    quick = {"transaction_timeout_ms": 3000, "message_timeout_ms": 1500, "max_failures": 1}
    with pytest.raises(KafkaFailedError, match=dead_letter_topic(scope.images.TOPIC)):
        scope.worker(step, **quick).run(threading.Event())
    ensure_topics(admin, partitions=1, topics=(dead_letter_topic(scope.images.TOPIC),))
    with running(scope.worker(step)):
        (letter,) = scope.read_dead_letters(count=1)
        crops = scope.read_crops(count=3)
    assert letter.key == b"p"
    assert [crop.image for crop in crops] == ["image-0", "image-2", "image-3"]


def test_whoever_is_fenced_off_while_it_produces_is_told_so(scope: Scope) -> None:
    """All that the next call to `produce` says is "fatal": the reason is asked for."""
    record = encode(scope.image(0))
    elder, younger = (Transactions(scope.settings, f"{scope.name}-transactions") for _ in range(2))

    class Trickle(list[OutgoingRecord]):
        """Records without end, so that one is produced after the fence fell."""

        def __iter__(self) -> Iterator[OutgoingRecord]:
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                yield record
                time.sleep(0.05)

    elder.start()
    younger.start()
    try:
        with pytest.raises(FencedError, match="refused for good") as caught:
            elder.publish(Trickle(), {}, None)
        assert "same instance name" in str(caught.value.hint)
    finally:
        elder.close()
        younger.close()
