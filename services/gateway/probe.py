"""Whether Kafka answers, asked at most once a second however many want to know."""

import threading
import time
from typing import Final

from confluent_kafka import KafkaException

from shared.bus.clients import open_admin
from shared.bus.settings import BusSettings

TIMEOUT_SECONDS: Final = 2.0
FRESH_SECONDS: Final = 1.0


class KafkaProbe:
    """Asks Kafka for its brokers; an answer holds for a second.

    Args:
        bus: how to reach Kafka.
    """

    def __init__(self, bus: BusSettings) -> None:
        self._client = open_admin(bus)
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._answered = False

    def reachable(self) -> bool:
        """Whether Kafka answers. Blocks for up to two seconds while it does not. Any thread."""
        with self._lock:
            if time.monotonic() - self._asked_at > FRESH_SECONDS:
                try:
                    self._answered = bool(self._client.list_topics(timeout=TIMEOUT_SECONDS).brokers)
                except KafkaException:
                    self._answered = False
                self._asked_at = time.monotonic()
            return self._answered
