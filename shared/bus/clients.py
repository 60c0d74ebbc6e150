"""librdkafka's clients, all reaching Kafka in the same way, and its messages as records."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from shared.bus.errors import KafkaFailedError
from shared.bus.record import Record
from shared.bus.settings import BusSettings
from shared.bus.topics import MAX_DEAD_LETTER_BYTES

Options = dict[str, Any]


def connection_options(settings: BusSettings) -> Options:
    """How every client reaches Kafka. They hold secrets: for a client only, never to be shown."""
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "reconnect.backoff.max.ms": 2_000,
        **settings.security.options(),
        **settings.extra,
    }


def consumer_options(settings: BusSettings, **more: Any) -> Options:
    """A consumer that sees committed records only, and whose offsets we keep ourselves."""
    return {
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "fetch.message.max.bytes": 4 * 1024 * 1024,
        "receive.message.max.bytes": 100_000_000,
        "queued.max.messages.kbytes": 65_536,
        "fetch.wait.max.ms": 100,
        **connection_options(settings),
        **more,
    }


def producer_options(settings: BusSettings, **more: Any) -> Options:
    """An idempotent producer that waits for all replicas."""
    return {
        "enable.idempotence": True,
        "acks": "all",
        "message.max.bytes": MAX_DEAD_LETTER_BYTES,
        "message.timeout.ms": settings.message_timeout_ms,
        "queue.buffering.max.kbytes": 262_144,
        "linger.ms": 2,
        **connection_options(settings),
        **more,
    }


def open_consumer(settings: BusSettings, **more: Any) -> Consumer:
    """A consumer of `consumer_options`.

    Raises:
        KafkaFailedError: the client library does not take them.
    """
    with _options_refused():
        return Consumer(consumer_options(settings, **more))


def open_producer(settings: BusSettings, **more: Any) -> Producer:
    """A producer of `producer_options`.

    Raises:
        KafkaFailedError: the client library does not take them.
    """
    with _options_refused():
        return Producer(producer_options(settings, **more))


def open_admin(settings: BusSettings, **more: Any) -> AdminClient:
    """A client that asks and changes the cluster itself.

    Raises:
        KafkaFailedError: the client library does not take its options.
    """
    with _options_refused():
        return AdminClient({**connection_options(settings), **more})


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


@contextmanager
def _options_refused() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        told = " ".join(str(error.args[0].str()).split())
        raise KafkaFailedError(
            f"Kafka's client library does not take its settings: {told}",
            hint="bus.security names the certificates and the key, bus.extra further options; are all PEM files whole?",
        ) from None
