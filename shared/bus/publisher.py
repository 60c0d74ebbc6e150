"""Publish events from outside the loop: each future resolves when all replicas hold the event."""

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Self

from confluent_kafka import KafkaError, KafkaException, Message

from shared.bus.clients import open_producer
from shared.bus.envelope import encode
from shared.bus.record import OutgoingRecord
from shared.bus.refusals import Refusals
from shared.bus.settings import BusSettings
from shared.errors import LinegateError
from shared.events import Event

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.1


class PublishFailed(LinegateError):
    """Kafka does not hold the event."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Where Kafka keeps an event."""

    topic: str
    partition: int
    offset: int


class EventPublisher:
    """An idempotent producer (acks=all): no event is lost or doubled between here and the broker.

    `publish` may be called from any thread. Not transactional: for what starts a chain, e.g. a camera's photo.

    Args:
        settings: of the bus.
    """

    def __init__(self, settings: BusSettings) -> None:
        self._patience: Final = settings.message_timeout_ms / 1000
        self._producer: Final = open_producer(settings, error_cb=Refusals(settings, log.warning))
        self._failure: str | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="publisher", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str | None:
        """Why nothing can be published any more until this process is started again; None while that is not so."""
        return self._failure

    def publish(self, event: Event) -> "Future[Acknowledged]":
        """Hand `event` to Kafka.

        Returns:
            A future of where it lies; its exception is `PublishFailed`. It cannot be cancelled.
        """
        return self.publish_record(encode(event))

    def publish_record(self, record: OutgoingRecord) -> "Future[Acknowledged]":
        """Hand a record to Kafka as it is, e.g. a revived dead letter. Waits while the queue is full, within bounds."""
        future: Future[Acknowledged] = Future()
        future.set_running_or_notify_cancel()

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                future.set_exception(PublishFailed(f"Kafka did not take the event for {record.topic}: {error.str()}"))
            else:
                future.set_result(Acknowledged(record.topic, message.partition() or 0, message.offset() or 0))

        deadline = time.monotonic() + self._patience
        while not future.done():
            try:
                self._producer.produce(
                    record.topic,
                    value=record.value,
                    key=record.key,
                    headers=list(record.headers),
                    on_delivery=on_delivery,
                    partition=-1 if record.partition is None else record.partition,
                )
            except BufferError:
                if time.monotonic() > deadline:
                    future.set_exception(
                        PublishFailed("the publisher's queue stayed full", hint="Kafka is away or too slow; send again")
                    )
                # The thread serves deliveries, which make room.
                self._closed.wait(POLL_SECONDS)
            except KafkaException as error:
                future.set_exception(PublishFailed(f"Kafka did not take the event: {error.args[0].str()}"))
            else:
                break
        return future

    def flush(self, seconds: float) -> int:
        """Wait until all is acknowledged, at most `seconds`; answers how many events are still under way."""
        return self._producer.flush(seconds)

    def close(self, seconds: float = 30.0) -> None:
        """Flush and end."""
        left = self.flush(seconds)
        if left:
            log.error("closed with %d event(s) not acknowledged", left)
        self._closed.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                self._producer.poll(POLL_SECONDS)
            except KafkaException as error:
                # Fatal, e.g. no right to write anywhere. Every event under way and to come is answered with it.
                self._failure = error.args[0].str()
                log.error("the publisher cannot go on: %s", self._failure)  # noqa: TRY400 - librdkafka has no traceback
