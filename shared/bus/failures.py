"""librdkafka's errors that end a producer, in words."""

from typing import Final

from confluent_kafka import KafkaError

from shared.bus.errors import FencedError, KafkaFailedError
from shared.bus.record import OutgoingRecord
from shared.bus.refusals import rights_hint

REFUSED_AT_ONCE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError._UNKNOWN_PARTITION})  # noqa: SLF001 - librdkafka's own codes are spelt so
"""librdkafka takes no such record, today or tomorrow."""
FENCED: Final = frozenset({
    KafkaError._FENCED,  # noqa: SLF001 - likewise
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.PRODUCER_FENCED,
})  # fmt: skip
"""A younger process has the id, or the broker ended a transaction that took too long."""
PURGED: Final = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001 - likewise
"""What an abort does to records: never the reason for it."""


def for_good(error: KafkaError) -> KafkaFailedError:
    """The end of a process whose producer got `error`, which no abort mends."""
    told = f"Kafka refused for good: {error.str()} ({error.name()})"
    if error.code() in FENCED:
        # librdkafka tells both alike.
        return FencedError(
            told, hint="another process has the same instance name, or the transaction timed out; start again"
        )
    return KafkaFailedError(told, hint=rights_hint(error))


def refused(record: OutgoingRecord, error: KafkaError) -> KafkaFailedError:
    """The same for a record that librdkafka does not even try to send."""
    where = record.topic if record.partition is None else f"{record.topic}[{record.partition}]"
    return KafkaFailedError(
        f"a record of {record.size / 1e6:.1f} MB does not go into {where}: {error.str()}",
        hint="compare the topic's partitions and max.message.bytes with those of the topic it came from",
    )
