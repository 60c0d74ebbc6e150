"""Whether something waits in a topic, on a real Kafka: markers of transactions are no records."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition

from services.alert.ticking.kafka_queue import KafkaQueue
from shared.bus.clients import open_admin, open_consumer
from shared.bus.errors import KafkaFailedError
from shared.bus.settings import BusSettings
from shared.bus.topics import ensure_topics
from shared.events import Event
from tests.integration.conftest import Kafka

pytestmark = pytest.mark.kafka


class Topic:
    """A topic of two partitions, and a group on it."""

    def __init__(self, bus: BusSettings) -> None:
        self.bus = bus
        self.name = self.group = f"linegate.test-{uuid.uuid4().hex[:8]}"
        self.admin = open_admin(bus)
        ensure_topics(self.admin, partitions=2, topics=(self.name,))
        self.producer = Producer({"bootstrap.servers": bus.bootstrap_servers, "transactional.id": self.name})
        self.producer.init_transactions(30)
        self.consumer = open_consumer(bus, **{"group.id": self.group})

    def put(self, *partitions: int, abort: bool = False) -> None:
        """Records in one transaction."""
        self.producer.begin_transaction()
        for partition in partitions:
            self.producer.produce(self.name, b"x", partition=partition)
        self.producer.flush(30)
        self.producer.abort_transaction(30) if abort else self.producer.commit_transaction(30)

    def done(self, partition: int, offset: int) -> None:
        """The group has dealt with everything before `offset`."""
        self.consumer.commit(offsets=[TopicPartition(self.name, partition, offset)], asynchronous=False)

    def queue(self) -> KafkaQueue:
        """It, as the alert worker asks it."""
        event: Any = type("Probe", (Event,), {"TYPE": "probe", "TOPIC": self.name, "__module__": __name__})
        return KafkaQueue(self.bus, self.admin, event, self.group)


@pytest.fixture
def topic(kafka: Kafka) -> Iterator[Topic]:
    """A new one, once its leaders are known."""
    made = Topic(BusSettings(bootstrap_servers=kafka.bootstrap_servers))
    with made.queue() as queue:
        deadline = time.monotonic() + 60
        while True:
            try:
                queue.passed(queue.ends())
                break
            except KafkaFailedError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
    yield made
    made.consumer.close()
    del made.producer  # or it goes on looking for the broker


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether it comes to that."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_what_waits_and_what_does_not(topic: Topic) -> None:
    """Nothing at all; records; all done, with a marker left; an aborted record left; records behind that."""
    with topic.queue() as queue:
        assert queue.ends() == {0: 0, 1: 0}
        assert queue.passed(queue.ends())
        topic.put(0, 0, 1)
        assert within(60, lambda: queue.ends() == {0: 3, 1: 2})  # with a marker each
        ends = queue.ends()
        assert not any(queue.passed(ends) for _ in range(3))
        topic.done(0, 1)
        topic.done(1, 1)
        assert not any(queue.passed(ends) for _ in range(3))
        topic.done(0, 2)
        assert within(60, lambda: queue.passed(ends))
        topic.put(1, abort=True)
        ends = queue.ends()
        assert within(60, lambda: queue.passed(ends))
        topic.put(1)
        assert within(60, lambda: queue.passed(ends)), "what came later does not count"
        assert not any(queue.passed(queue.ends()) for _ in range(3))
        topic.done(1, 5)
        assert within(60, lambda: queue.passed(queue.ends()))
        topic.producer.begin_transaction()
        topic.producer.produce(topic.name, b"x", partition=0)
        topic.producer.flush(30)
        assert not any(queue.passed(queue.ends()) for _ in range(3)), "it may yet be committed"
        topic.producer.abort_transaction(30)
        assert within(60, lambda: queue.passed(queue.ends()))


def test_a_topic_that_is_not_there(topic: Topic) -> None:
    """Said in one line."""
    topic.name = "linegate.never"
    with topic.queue() as queue, pytest.raises(KafkaFailedError, match=r"linegate\.never"):
        queue.ends()
