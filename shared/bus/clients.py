"""librdkafka's options for our clients, and its messages as records."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, Message

from shared.bus.record import Record
from shared.bus.settings import BusSettings
from shared.bus.topics import MAX_DEAD_LETTER_BYTES

Options = dict[str, Any]


def consumer_options(settings: BusSettings, **more: Any) -> Options:
    """A consumer that sees committed records only, and whose offsets we keep ourselves."""
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "fetch.message.max.bytes": 4 * 1024 * 1024,
        "receive.message.max.bytes": 100_000_000,
        "queued.max.messages.kbytes": 65_536,
        "fetch.wait.max.ms": 100,
        "reconnect.backoff.max.ms": 2_000,
        **settings.extra,
        **more,
    }


def producer_options(settings: BusSettings, **more: Any) -> Options:
    """An idempotent producer that waits for all replicas."""
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "enable.idempotence": True,
        "acks": "all",
        "message.max.bytes": MAX_DEAD_LETTER_BYTES,
        "message.timeout.ms": settings.message_timeout_ms,
        "queue.buffering.max.kbytes": 262_144,
        "linger.ms": 2,
        "reconnect.backoff.max.ms": 2_000,
        **settings.extra,
        **more,
    }


def record_of(message: Message) -> Record:
    """The record in a consumed message that carries no error."""
    _, timestamp = message.timestamp()
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise ValueError("a message without a place in a topic cannot have been consumed")
    return Record(
        topic, partition, offset, timestamp, _bytes(message.key()), _bytes(message.value()), _headers(message.headers())
    )


def _bytes(data: str | bytes | None) -> bytes | None:
    return data.encode() if isinstance(data, str) else data


def _headers(headers: Any) -> tuple[tuple[str, bytes | None], ...]:
    return tuple((name, _bytes(data)) for name, data in headers or ())


def error_logger(log: Callable[[str], object]) -> Callable[[KafkaError], None]:
    """An `error_cb` that writes librdkafka's own troubles (a broker is away) to a log; it reconnects by itself."""

    def on_error(error: KafkaError) -> None:
        log(f"kafka: {error.str()}")

    return on_error
