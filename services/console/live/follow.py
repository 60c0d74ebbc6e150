"""Some topics, followed on a thread of their own for as long as Kafka lets it: it belongs to no group."""

import threading
from collections.abc import Callable
from typing import Final

import structlog

from shared.bus.errors import KafkaFailedError
from shared.bus.reader import EventReader, Read
from shared.bus.record import PartitionId
from shared.serving.background import Background

POLL_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 2.0
STOP_SECONDS: Final = 5.0
_log = structlog.get_logger(__name__)


class Follower(Background):
    """Follows from `__enter__` to `__exit__`. Kafka may be away at any time: it goes on when it is back.

    Args:
        name: of the thread.
        open_reader: begins to read; asked again after Kafka failed.
        take: called on that thread with each record, once.
    """

    def __init__(self, name: str, open_reader: Callable[[], EventReader], take: Callable[[Read], None]) -> None:
        super().__init__(name, stop_s=STOP_SECONDS)
        self._open: Final = open_reader
        self._take: Final = take
        self._current: Final = threading.Event()
        self._next: dict[PartitionId, int] = {}
        """What comes before was taken already: a reader that begins anew must not hand it on twice."""

    @property
    def current(self) -> bool:
        """Whether everything that was there at the start has been read."""
        return self._current.is_set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._open() as reader:
                    self._follow(reader)
            except KafkaFailedError as error:
                _log.warning("cannot follow Kafka, trying again", error=str(error), hint=error.hint)
                self._stop.wait(RETRY_SECONDS)
            except Exception:  # noqa: BLE001 - a thread that died would show a past that looks like the present
                _log.exception("following Kafka failed; it goes on")
                self._stop.wait(RETRY_SECONDS)

    def _follow(self, reader: EventReader) -> None:
        for read in reader.read_to_end():
            self._hand_on(read)
            if self._stop.is_set():
                return
        self._current.set()
        while not self._stop.is_set():
            if (read_now := reader.poll(POLL_SECONDS)) is not None:
                self._hand_on(read_now)

    def _hand_on(self, read: Read) -> None:
        record = read[0]
        if record.offset < self._next.get(record.partition_id, 0):
            return
        self._next[record.partition_id] = record.offset + 1
        self._take(read)
