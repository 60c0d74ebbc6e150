"""A dead letter: the record that could not be processed, byte for byte, with the reason in added headers."""

import time
from collections import deque
from typing import Final

from shared.bus.errors import DeadLetterFloodError
from shared.bus.record import OutgoingRecord, Record
from shared.bus.topics import dead_letter_topic

PREFIX: Final = "lg_"


def dead_letter(record: Record, reason: str, *, worker: str) -> OutgoingRecord:
    """The dead letter of `record`: its key, value and headers as they are, and `lg_*` headers behind them."""
    added = {
        "reason": reason,
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "timestamp": str(record.timestamp),
        "worker": worker,
    }
    headers = tuple((PREFIX + name, text.encode("utf-8", errors="replace")) for name, text in added.items())
    return OutgoingRecord(dead_letter_topic(record.topic), record.key, record.value, record.headers + headers)


def revive(letter: Record) -> OutgoingRecord:
    """The record as it was before it became the dead letter `letter`, for sending it again.

    Raises:
        ValueError: `letter` is not a dead letter of ours.
    """
    topic = next((data for name, data in reversed(letter.headers) if name == PREFIX + "topic"), None)
    if topic is None:
        raise ValueError(
            f"{letter.topic}[{letter.partition}]@{letter.offset} has no {PREFIX}topic header: no dead letter"
        )
    headers = tuple(header for header in letter.headers if not header[0].startswith(PREFIX))
    return OutgoingRecord(topic.decode(), letter.key, letter.value, headers)


class FloodGuard:
    """Counts dead letters over the last minute.

    Args:
        limit: the most in any 60 seconds; 0 for no limit.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: deque[float] = deque()

    def check(self, count: int, *, now: float | None = None) -> None:
        """Account for `count` more, about to be written at `now` (monotonic seconds).

        Raises:
            DeadLetterFloodError: that would be too many; they are not accounted for.
        """
        now = time.monotonic() if now is None else now
        while self._times and self._times[0] <= now - 60.0:
            self._times.popleft()
        if self._limit and len(self._times) + count > self._limit:
            raise DeadLetterFloodError(
                f"{len(self._times) + count} dead letters within a minute; the limit is {self._limit}",
                hint="nothing is lost: mend the sender, or raise dead_letters_per_minute",
            )
        self._times.extend([now] * count)
