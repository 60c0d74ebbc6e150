"""The control: the same workers with output and offsets apart, so that the harness is seen to find what goes wrong.

Each takes the place of `shared.bus.transactions.Transactions` in a test process.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from shared.bus import loop
from shared.bus.errors import KafkaFailedError, TransactionAbortedError
from shared.bus.record import OutgoingRecord, PartitionId
from shared.bus.settings import BusSettings
from tests.chaos.fuse import Fuse, client_class, replace_client
from tests.chaos.plan import Point


class Delivery(StrEnum):
    """How a worker's output and offsets go out."""

    TRANSACTIONS = "transactions"
    """The product."""
    OUTPUT_FIRST = "output first"
    """At least once: a death between the two doubles."""
    OFFSETS_FIRST = "offsets first"
    """At most once: a death between the two loses."""


class _Apart:
    """An idempotent producer, and offsets committed by the consumer."""

    consumer: Consumer | None = None
    fuse: Fuse
    offsets_first: bool

    def __init__(self, settings: BusSettings, transactional_id: str) -> None:
        self.transactional_id: Final = transactional_id
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                "enable.idempotence": True,
                "acks": "all",
                "message.timeout.ms": settings.message_timeout_ms,
                "linger.ms": 2,
                **settings.extra,
            }
        )
        self._patience = settings.transaction_timeout_ms / 1000

    def start(self) -> None:
        """There is no id to take."""
        self.fuse.at(Point.AT_START)

    def close(self) -> None:
        """Nothing is open."""

    def publish(
        self,
        records: Sequence[OutgoingRecord],
        next_offsets: Mapping[PartitionId, int],
        group_metadata: object,  # noqa: ARG002 - as the product's
        *,
        budget: float | None = None,
    ) -> None:
        """One after the other; with the points of a transaction where they would be."""
        steps = [lambda: self._produce(records, budget or self._patience), lambda: self._commit(next_offsets)]
        if self.offsets_first:
            steps.reverse()
        steps[0]()
        self.fuse.at(Point.AFTER_PRODUCE)
        self.fuse.at(Point.AFTER_SEND_OFFSETS)
        with self.fuse.within(Point.DURING_COMMIT, after=Point.AFTER_COMMIT):
            steps[1]()
        self.fuse.at(Point.AFTER_COMMIT)

    def _produce(self, records: Sequence[OutgoingRecord], patience: float) -> None:
        for record in records:
            self._producer.produce(record.topic, value=record.value, key=record.key, headers=list(record.headers))
        if self._producer.flush(patience):
            raise KafkaFailedError("records stayed without an answer")

    def _commit(self, next_offsets: Mapping[PartitionId, int]) -> None:
        offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in next_offsets.items()]
        if self.consumer is None:
            raise KafkaFailedError("the consumer is not open")
        try:
            self.consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            raise TransactionAbortedError(error.args[0].str()) from error


def install(fuse: Fuse, delivery: Delivery) -> None:
    """Take the transactions out of this process; after `fuse.install`."""

    class Apart(_Apart):
        offsets_first = delivery is Delivery.OFFSETS_FIRST

    Apart.fuse = fuse
    fused: Any = client_class("Consumer")

    class KnownConsumer(fused):  # type: ignore[misc]
        def subscribe(self, *arguments: Any, **more: Any) -> None:
            Apart.consumer = self
            super().subscribe(*arguments, **more)

    replace_client("Consumer", KnownConsumer)
    setattr(loop, "Transactions", Apart)  # noqa: B010 - a type checker must not take it for the product's
