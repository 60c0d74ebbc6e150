"""Kafka, followed on a thread into memory. It belongs to no group and commits nothing."""

import threading
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self

import structlog

from services.console.live.memory import Memory
from shared.bus.envelope import EnvelopeRejected
from shared.bus.errors import KafkaFailedError
from shared.bus.reader import EventReader, Read
from shared.bus.record import PartitionId, Record
from shared.bus.settings import BusSettings
from shared.bus.topics import dead_letter_topic
from shared.events import (
    AlertChanged,
    Event,
    Fault,
    Feedback,
    LabelledPart,
    PartAnomalyMap,
    PartCrop,
    PartImage,
    RolloutBreach,
    RolloutChanged,
    TrainingProgress,
    TrainingResult,
    Verdict,
    now,
)

FOLLOWED: Final[tuple[type[Event], ...]] = (
    Verdict,
    PartAnomalyMap,
    Fault,
    AlertChanged,
    RolloutChanged,
    RolloutBreach,
    TrainingProgress,
    TrainingResult,
    Feedback,
    LabelledPart,
)
SET_ASIDE: Final[tuple[type[Event], ...]] = (PartImage, PartCrop)
"""Whose dead letters are counted."""
POLL_SECONDS: Final = 0.2
RETRY_SECONDS: Final = 2.0
STOP_SECONDS: Final = 5.0
_LETTERS: Final = frozenset(dead_letter_topic(event.TOPIC) for event in SET_ASIDE)
_log = structlog.get_logger(__name__)


class LiveFeed:
    """Follows from `__enter__` to `__exit__`. Kafka may be away at any time: the feed goes on when it is back.

    Args:
        bus: how to reach Kafka.
        memory: where events go.
        history: how far back it begins.
    """

    def __init__(self, bus: BusSettings, memory: Memory, *, history: timedelta) -> None:
        self._bus: Final = bus
        self._memory: Final = memory
        self._history: Final = history
        self._stop: Final = threading.Event()
        self._current: Final = threading.Event()
        self._next: dict[PartitionId, int] = {}
        """What comes before was taken already: a reader that begins anew must not count twice."""
        self._thread: Final = threading.Thread(target=self._run, name="live", daemon=True)

    @property
    def current(self) -> bool:
        """Whether everything that was there at the start has been read."""
        return self._current.is_set()

    @property
    def running(self) -> bool:
        """Whether it follows. Only a bug ends that before the end."""
        return self._thread.is_alive()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End. A thread that hangs in a call to an absent Kafka is left to end with the process."""
        self._stop.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                start = now() - self._history
                with EventReader(self._bus, FOLLOWED, start=start, dead_letters_of=SET_ASIDE) as reader:
                    self._follow(reader)
            except KafkaFailedError as error:
                _log.warning("cannot follow Kafka, trying again", error=str(error), hint=error.hint)
                self._stop.wait(RETRY_SECONDS)

    def _follow(self, reader: EventReader) -> None:
        for read in reader.read_to_end():
            self._take(read)
            if self._stop.is_set():
                return
        self._current.set()
        while not self._stop.is_set():
            if (found := reader.poll(POLL_SECONDS)) is not None:
                self._take(found)

    def _take(self, read: Read) -> None:
        record, event = read
        if record.offset < self._next.get(record.partition_id, 0):
            return
        self._next[record.partition_id] = record.offset + 1
        if record.topic in _LETTERS:
            self._memory.take_dead_letter(*_address(record), _told(record))
        elif isinstance(event, EnvelopeRejected):
            _log.warning("not an event that is followed", topic=record.topic, offset=record.offset, reason=event.reason)
        else:
            self._memory.take(event)


def _address(record: Record) -> tuple[str | None, str | None]:
    """Plant and line, as the photo said them."""
    values = {name.lower(): (data or b"").decode(errors="replace") for name, data in record.headers}
    return values.get("ce_plant") or None, values.get("ce_line") or None


def _told(record: Record) -> datetime:
    return datetime.fromtimestamp(record.timestamp / 1000, UTC) if record.timestamp > 0 else now()
