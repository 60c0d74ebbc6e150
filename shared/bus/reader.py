"""Read committed events from all partitions, without a group: for whoever looks on (gateway, demo, tests)."""

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Literal, Self
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, TopicPartition

from shared.bus.clients import open_consumer, record_of
from shared.bus.envelope import EnvelopeRejected, decode
from shared.bus.errors import KafkaFailedError
from shared.bus.record import PartitionId, Record
from shared.bus.refusals import Refusals, rights_hint
from shared.bus.settings import BusSettings
from shared.bus.topics import dead_letter_topic
from shared.events import Event

log = logging.getLogger(__name__)

Start = Literal["earliest", "latest"] | datetime
Read = tuple[Record, Event | EnvelopeRejected]
CALL_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.2


class EventReader:
    """A reader over every partition of the topics of `types`. Commits nothing; not for work that must not be lost.

    Args:
        settings: of the bus.
        types: the events to read; what else lies on their topics comes out as `EnvelopeRejected`.
        start: `latest` means exactly: after what is committed when this returns. A time means: from the first record
            not older than that.
        dead_letters_of: read the dead letters of these types as well.

    Raises:
        KafkaFailedError: Kafka does not answer, or a topic does not exist.
    """

    def __init__(
        self,
        settings: BusSettings,
        types: Sequence[type[Event]],
        *,
        start: Start = "latest",
        dead_letters_of: Sequence[type[Event]] = (),
    ) -> None:
        self._types = (*types, *dead_letters_of)
        topics = {event.TOPIC for event in types} | {dead_letter_topic(event.TOPIC) for event in dead_letters_of}
        self._refusals: Final = Refusals(settings, log.warning)
        self._consumer = open_consumer(
            settings,
            **{
                # librdkafka wants a group's name even where nothing is committed.
                "group.id": f"linegate-reader-{uuid4()}",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "error_cb": self._refusals,
            },
        )
        try:
            starts = self._starts_in_time(topics, start, budget=settings.call_budget_s)
        except BaseException:
            self._consumer.close()
            raise
        self._next: dict[PartitionId, int] = {(p.topic, p.partition): p.offset for p in starts}
        self._end_seen: dict[PartitionId, int] = {}
        self._consumer.assign(starts)

    def poll(self, seconds: float) -> Read | None:
        """The next record, or None when none came in time.

        Raises:
            KafkaFailedError: Kafka refused for good.
        """
        deadline = time.monotonic() + seconds
        while True:
            message = self._consumer.poll(max(0.0, deadline - time.monotonic()))
            if message is None:
                return None
            error = message.error()
            if error is None:
                return self._read(record_of(message))
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes are spelt so
                self._end_seen[message.topic() or "", message.partition() or 0] = message.offset() or 0
                return None
            if error.fatal() or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise KafkaFailedError(f"Kafka refused for good: {error.str()}", hint=rights_hint(error))
            log.warning("kafka: %s", error.str())

    def __iter__(self) -> Iterator[Read]:
        """All records, without end."""
        while True:
            if (read := self.poll(1.0)) is not None:
                yield read

    def read_to_end(self, *, patience: float | None = None) -> Iterator[Read]:
        """All records committed when this is called, and what comes meanwhile; may be called again later.

        Args:
            patience: give up after so many seconds in which nothing came; by default wait for an absent Kafka.

        Raises:
            KafkaFailedError: Kafka refused for good, or patience ran out.
        """
        try:
            ends = {
                partition: self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=CALL_SECONDS)[1]
                for partition in self._next
            }
        except KafkaException as error:
            raise self._refusals.failure(error.args[0].str()) from error
        # Transaction markers take offsets without being records: only the end that librdkafka tells counts them.
        silent_since = time.monotonic()
        while any(max(self._next[p], self._end_seen.get(p, 0)) < end for p, end in ends.items()):
            if (read := self.poll(1.0)) is not None:
                yield read
                silent_since = time.monotonic()
            elif patience is not None and time.monotonic() - silent_since > patience:
                raise KafkaFailedError(f"Kafka did not go on answering within {patience:.0f} s")

    def close(self) -> None:
        """End."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, record: Record) -> Read:
        self._next[record.partition_id] = record.offset + 1
        try:
            return record, decode(record, self._types)
        except EnvelopeRejected as rejected:
            return record, rejected

    def _starts_in_time(self, topics: set[str], start: Start, *, budget: float) -> list[TopicPartition]:
        deadline = time.monotonic() + budget
        while True:
            try:
                return self._starts(self._places(topics), start)
            except KafkaException as error:
                # A broker that has just come up knows neither its topics nor their leaders for a moment.
                self._consumer.poll(0)  # lets librdkafka tell its troubles; nothing is assigned yet
                if time.monotonic() > deadline:
                    raise self._refusals.failure(error.args[0].str()) from error
                time.sleep(PAUSE_SECONDS)

    def _places(self, topics: set[str]) -> list[TopicPartition]:
        known = self._consumer.list_topics(timeout=CALL_SECONDS).topics
        for topic in topics & known.keys():
            if (error := known[topic].error) is not None:
                raise KafkaException(error)
        if missing := sorted(topics - known.keys()):
            raise KafkaFailedError(
                f"no topic {', '.join(missing)}", hint="`linegate topics` creates them; or this user may not see them"
            )
        return [TopicPartition(topic, partition) for topic in sorted(topics) for partition in known[topic].partitions]

    def _starts(self, places: list[TopicPartition], start: Start) -> list[TopicPartition]:
        starts = []
        if isinstance(start, datetime):
            asked = [TopicPartition(p.topic, p.partition, int(start.timestamp() * 1000)) for p in places]
            starts = self._consumer.offsets_for_times(asked, timeout=CALL_SECONDS)
        for index, place in enumerate(places):
            if isinstance(start, datetime) and starts[index].offset not in {OFFSET_END, OFFSET_BEGINNING}:
                continue
            # With read_committed the upper end is the last stable offset: what is under way is still to come.
            low, high = self._consumer.get_watermark_offsets(place, timeout=CALL_SECONDS)
            at = TopicPartition(place.topic, place.partition, low if start == "earliest" else high)
            if isinstance(start, datetime):
                starts[index] = at
            else:
                starts.append(at)
        return starts
