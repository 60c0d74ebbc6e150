"""Verdicts, read from Kafka on a thread into the index.

It belongs to no consumer group and commits nothing. Reading anew is harmless, since a verdict only replaces itself: so
whatever goes wrong at Kafka, it begins again.
"""

import threading
from datetime import timedelta
from typing import Final

import structlog

from services.labels.index import VerdictIndex
from shared.bus.errors import KafkaFailedError
from shared.bus.reader import EventReader, Read
from shared.bus.settings import BusSettings
from shared.events import Verdict, now
from shared.serving.background import Background

POLL_SECONDS: Final = 0.1
RETRY_SECONDS: Final = 2.0
STOP_SECONDS: Final = 5.0
CATCH_UP_SECONDS: Final = 10.0
_log = structlog.get_logger(__name__)


class VerdictFeed(Background):
    """Reads verdicts from `start` to `stop`; a context manager does both.

    Args:
        bus: how to reach Kafka.
        index: where they go.
        read_back: begin with verdicts of this age.
    """

    def __init__(self, bus: BusSettings, index: VerdictIndex, *, read_back: timedelta) -> None:
        super().__init__("verdicts", stop_s=STOP_SECONDS)
        self._bus = bus
        self._index = index
        self._read_back = read_back
        self._changed = threading.Condition()
        self._asked = 0
        """Times that somebody wanted to have read everything there is."""
        self._reached = -1
        """The last of them for which that is so; -1 before the end was seen first."""

    @property
    def current(self) -> bool:
        """Whether everything that was there at the start has been read."""
        return self._reached >= 0

    def catch_up(self, seconds: float = CATCH_UP_SECONDS) -> bool:
        """Wait until every verdict that is committed now has been read; False where that takes longer.

        Feedback follows its verdict: what is not in the index after this is not to be had.

        Raises:
            RuntimeError: it reads no more.
        """
        if not self.running:
            raise RuntimeError("verdicts are no longer read")
        with self._changed:
            if not self.current:
                return False  # reading the past may take minutes: the feedback waits, not the step
            self._asked += 1
            wanted = self._asked
            return self._changed.wait_for(lambda: self._reached >= wanted, seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with EventReader(self._bus, (Verdict,), start=now() - self._read_back) as reader:
                    self._follow(reader)
            except KafkaFailedError as error:
                _log.warning("cannot read verdicts, trying again", error=str(error), hint=error.hint)
                self._stop.wait(RETRY_SECONDS)

    def _follow(self, reader: EventReader) -> None:
        while not self._stop.is_set():
            asked = self._asked
            for read in reader.read_to_end():
                self._take(read)
                if self._stop.is_set():
                    return
            with self._changed:
                if not self.current:
                    _log.info("verdicts are read", kept=len(self._index))
                self._reached = asked
                self._changed.notify_all()
            while self._asked == asked and not self._stop.is_set():
                if (found := reader.poll(POLL_SECONDS)) is not None:
                    self._take(found)

    def _take(self, read: Read) -> None:
        record, event = read
        try:
            if isinstance(event, Verdict):
                self._index.put(event)
                return
            reason = getattr(event, "reason", type(event).__name__)
        except ValueError as error:
            reason = str(error)
        place = f"{record.topic}[{record.partition}]@{record.offset}"
        _log.warning("not a gating verdict", record=place, reason=reason)
