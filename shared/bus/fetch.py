"""Read single records by their place."""

import logging
import time
from typing import Final, Self
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from shared.bus.clients import open_consumer, record_of
from shared.bus.errors import KafkaFailedError
from shared.bus.record import Record
from shared.bus.refusals import Refusals
from shared.bus.settings import BusSettings

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.5
NOT_THERE: Final = frozenset({
    KafkaError._PARTITION_EOF,  # noqa: SLF001 - librdkafka's own codes are spelt so
    KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - likewise
    KafkaError.OFFSET_OUT_OF_RANGE,
})  # fmt: skip
"""Behind the end, or before the beginning."""


class RecordFetcher:
    """Fetches records one by one; a context manager.

    Args:
        settings: of the bus.
    """

    def __init__(self, settings: BusSettings) -> None:
        self._budget: Final = settings.call_budget_s
        self._refusals: Final = Refusals(settings, log.warning)
        # librdkafka wants a group's name even where nothing is committed.
        options = {"group.id": f"linegate-fetch-{uuid4()}", "enable.partition.eof": True, "auto.offset.reset": "error"}
        self._consumer: Final = open_consumer(settings, **options, error_cb=self._refusals)
        self._partitions: dict[str, frozenset[int]] = {}

    def fetch(self, topic: str, partition: int, offset: int) -> Record | None:
        """The committed record that lies there, or None when there is none (any more).

        Raises:
            KafkaFailedError: Kafka does not answer.
        """
        if not self._exists(topic, partition):
            return None
        self._consumer.assign([TopicPartition(topic, partition, offset)])
        deadline = time.monotonic() + self._budget
        while time.monotonic() < deadline:
            message = self._consumer.poll(POLL_SECONDS)
            if message is None:
                continue
            error = message.error()
            if error is None:
                return record_of(message) if message.offset() == offset else None
            if error.code() in NOT_THERE:
                return None
            if error.fatal():
                raise KafkaFailedError(f"Kafka refused for good: {error.str()}") from KafkaException(error)
        raise KafkaFailedError(
            f"Kafka did not show {topic}/{partition}/{offset} in {self._budget:.0f} s", hint="check bootstrap_servers"
        )

    def _exists(self, topic: str, partition: int) -> bool:
        # librdkafka would wait for ever for a partition that does not exist.
        if partition not in self._partitions.get(topic, frozenset()):
            # Asked again for one that is not known: topics and partitions may be added.
            try:
                found = self._consumer.list_topics(topic, timeout=self._budget).topics[topic]
            except KafkaException as error:
                # Lets librdkafka tell its troubles: why, and not only that there was no answer.
                self._consumer.poll(0)
                raise self._refusals.failure(error.args[0].str()) from error
            self._partitions[topic] = frozenset(found.partitions)
        return partition in self._partitions[topic]

    def close(self) -> None:
        """End."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
