"""A topic and its consumer group as a queue: does something wait there?

Offsets alone do not tell. A transaction leaves a marker behind its records, which takes an offset and is never
delivered, so a group that is done stays one or more behind the end. Where a group neither moves nor is at the end, one
record is looked for. The end is that of all records, committed or not: a worker's offsets may be seen before what it
published in the same transaction.
"""

import time
from collections.abc import Mapping
from typing import Any, Final, Self

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import admin as kafka_admin

from services.alert.ticking.settled import Ends
from shared.bus.errors import KafkaFailedError
from shared.bus.group_offsets import GroupOffsets
from shared.bus.refusals import rights_hint
from shared.bus.settings import BusSettings
from shared.events import Event

CALL_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.2
PEEK_SECONDS: Final = 5.0
NOTHING_COMMITTED: Final = -1
"""Before every beginning."""
# The library's own example names it so, but its types do not know it.
_SPEC: Final[Any] = kafka_admin.OffsetSpec  # type: ignore[attr-defined]
_END: Final = _SPEC.latest()
_BEGINNING: Final = _SPEC.earliest()


class KafkaQueue:
    """One topic, worked off by one group. Not thread-safe; a context manager.

    Args:
        bus: how to reach Kafka.
        admin: a client of the same cluster.
        event: whose topic.
        group: the consumer group.
    """

    def __init__(self, bus: BusSettings, admin: kafka_admin.AdminClient, event: type[Event], group: str) -> None:
        self._admin: Final = admin
        self._topic: Final = event.TOPIC
        self._group: Final = group
        options = {"enable.partition.eof": True, "auto.offset.reset": "earliest", "fetch.message.max.bytes": 1}
        self._offsets_of_group: Final = GroupOffsets(bus, group, **options)
        self._consumer: Final = self._offsets_of_group.consumer
        self._before: dict[int, int] = {}
        """Where the group was when it was last asked."""
        self._waiting: dict[int, int] = {}
        """By partition: a record that was found to wait."""
        self._nothing: dict[int, tuple[int, int]] = {}
        """By partition: between which offsets there was found to be no record."""

    def ends(self) -> Ends:
        """See `Queue.ends`."""
        return self._offsets(_END)

    def passed(self, ends: Ends) -> bool:
        """See `Queue.passed`."""
        begins = self._offsets(_BEGINNING)
        # Nothing committed, or what is gone meanwhile: it begins where the topic begins.
        at = {partition: max(begins.get(partition, 0), offset) for partition, offset in self._committed(ends).items()}
        before, self._before = self._before, at
        return all(
            at[partition] >= end or self._empty(partition, at[partition], end, before)
            for partition, end in ends.items()
        )

    def _empty(self, partition: int, at: int, end: int, before: Mapping[int, int]) -> bool:
        """Whether no record lies between the two: what is left there are markers."""
        if at <= self._waiting.get(partition, -1):
            return False
        known = self._nothing.get(partition, (0, 0))
        if known[0] <= at and end <= known[1]:
            return True
        if before.get(partition) != at:
            return False  # it moves: the next look will tell
        found, is_record = self._next(partition, at)
        self._nothing[partition] = (at, found)
        if is_record:
            self._waiting[partition] = found
        return found >= end

    def _next(self, partition: int, at: int) -> tuple[int, bool]:
        """The offset of the first committed record from `at` on; where there is none, up to where that is known."""
        self._consumer.assign([TopicPartition(self._topic, partition, at)])
        deadline = time.monotonic() + PEEK_SECONDS
        try:
            while time.monotonic() < deadline:
                message = self._consumer.poll(POLL_SECONDS)
                if message is None or message.partition() != partition:
                    continue
                error = message.error()
                if error is None:
                    return message.offset() or 0, True
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes are spelt so
                    return message.offset() or 0, False
                if error.fatal() or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                    raise KafkaFailedError(
                        f"Kafka refused to show {self._topic}: {error.str()}", hint=rights_hint(error)
                    )
        finally:
            self._consumer.unassign()
        raise KafkaFailedError(f"Kafka did not show {self._topic}[{partition}] from {at} on", hint="is its leader up?")

    def _offsets(self, spec: Any) -> dict[int, int]:
        try:
            known = self._admin.list_topics(self._topic, timeout=CALL_SECONDS).topics[self._topic].partitions
            asked = {TopicPartition(self._topic, number): spec for number in known}
            answers = self._admin.list_offsets(asked, request_timeout=CALL_SECONDS)
            found = {place.partition: future.result().offset for place, future in answers.items()}
        except KafkaException as error:
            raise _failed(self._topic, error) from error
        if not found:
            raise KafkaFailedError(
                f"no topic {self._topic}", hint="`linegate topics` creates it; or this user may not see it"
            )
        return found

    def _committed(self, ends: Ends) -> dict[int, int]:
        places = [(self._topic, partition) for partition in ends]
        try:
            found = self._offsets_of_group.committed(places, seconds=CALL_SECONDS)
        except KafkaException as error:
            raise _failed(f"group {self._group}", error) from error
        return {partition: found.get((self._topic, partition), NOTHING_COMMITTED) for partition in ends}

    def close(self) -> None:
        """End."""
        self._offsets_of_group.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _failed(what: str, error: KafkaException) -> KafkaFailedError:
    told: KafkaError = error.args[0]
    return KafkaFailedError(f"Kafka does not tell where {what} stands: {told.str()}", hint=rights_hint(told))
