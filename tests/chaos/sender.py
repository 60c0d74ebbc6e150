"""Sends the photos past the proxy and keeps account of what the broker acknowledged."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from tests.chaos.history import Sent
from tests.chaos.photos import Draft, Photos
from tests.chaos.plan import Burst

POLL_S: Final = 0.1
TRICKLE_S: Final = 0.25
"""Between two photos after the last burst, while faults that were late still strike."""
PATIENCE_S: Final = 600.0
"""Longer than any outage of the broker: within it the idempotent producer repeats without doubling."""


class SendingFailed(RuntimeError):
    """A photo was not acknowledged, so nobody can say what must come of it. The harness's fault, not the product's."""


class Sender:
    """One idempotent producer in a thread of its own.

    Args:
        servers: the broker, past the proxy.
        photos: what to send.
        bursts: when to send how many; then a trickle until `finish`.
    """

    def __init__(self, servers: str, photos: Photos, bursts: Sequence[Burst]) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "client.id": "chaos-camera",
                "enable.idempotence": True,
                "acks": "all",
                "message.timeout.ms": int(PATIENCE_S * 1000),
                "linger.ms": 5,
                "reconnect.backoff.max.ms": 1000,
                "log_level": 2,
            }
        )
        self._photos: Iterator[Draft] = iter(photos)
        self._bursts = bursts
        self.acknowledged: Final[dict[str, Sent]] = {}
        """By id; complete once `finish` has returned."""
        self._failed: list[str] = []
        self._enough = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, name="sender", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End early, with bursts left."""
        self._stop.set()
        self._enough.set()

    def finish(self) -> None:
        """End the trickle, and wait until all is sent and acknowledged.

        Raises:
            SendingFailed: something was not.
        """
        self._enough.set()
        self._thread.join()
        left = self._producer.flush(PATIENCE_S)
        if left or self._failed:
            raise SendingFailed(f"{left + len(self._failed)} photos were not acknowledged: {self._failed[:3]}")

    def _send(self) -> None:
        started = time.monotonic()
        for burst in self._bursts:
            while (wait := started + burst.at - time.monotonic()) > 0 and not self._stop.is_set():
                self._producer.poll(min(wait, POLL_S))
            if self._stop.is_set():
                return
            for draft in itertools.islice(self._photos, burst.photos):
                self._produce(draft)
        while not self._enough.wait(TRICKLE_S):
            self._produce(next(self._photos))
            self._producer.poll(0)

    def _produce(self, draft: Draft) -> None:
        def on_delivery(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._failed.append(f"{draft.id}: {error.str()}")
                return
            place = (draft.record.topic, message.partition() or 0, message.offset() or 0)
            self.acknowledged[draft.id] = Sent(draft.id, draft.kind, draft.part, draft.answer, place, time.time())

        record = draft.record
        while True:
            try:
                self._producer.produce(
                    record.topic, record.value, record.key, headers=list(record.headers), on_delivery=on_delivery
                )
            except BufferError:
                self._producer.poll(POLL_S)
            else:
                return
