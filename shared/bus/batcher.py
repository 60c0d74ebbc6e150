"""Gather taken records into batches: adaptive, bounded, first in first out. Knows nothing of Kafka."""

from collections import deque
from collections.abc import Callable
from typing import Final

from shared.bus.partitions import Taken


class Batcher:
    """The records between the consumer and the step.

    Args:
        max_events: most records in a batch.
        max_wait_s: how long the oldest record waits for company.
        high_water: records at which it is full.
        low_water: records at which it is relieved again.
        high_water_bytes: bytes at which it is full.
    """

    def __init__(
        self, *, max_events: int, max_wait_s: float, high_water: int, low_water: int, high_water_bytes: int
    ) -> None:
        self._max_events: Final = max_events
        self._max_wait: Final = max_wait_s
        self._high: Final = high_water
        self._low: Final = low_water
        self._high_bytes: Final = high_water_bytes
        self._waiting: deque[Taken] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether no more should be taken: the high-water mark is reached."""
        return len(self._waiting) >= self._high or self._bytes >= self._high_bytes

    @property
    def relieved(self) -> bool:
        """Whether paused partitions may flow again: the low-water mark is reached."""
        return len(self._waiting) <= self._low and self._bytes < self._high_bytes

    def add(self, taken: Taken) -> None:
        """Append one record."""
        self._waiting.append(taken)
        self._bytes += taken.record.size

    def wait_s(self, *, now: float, single: bool = False) -> float | None:
        """Seconds until a batch is due: 0.0 when it is, None when there is nothing."""
        if not self._waiting:
            return None
        if single or len(self._waiting) >= self._max_events or self.full:
            return 0.0
        return max(0.0, self._waiting[0].arrived + self._max_wait - now)

    @property
    def has_full_batch(self) -> bool:
        """Whether a batch of the largest size is there."""
        return len(self._waiting) >= self._max_events

    def cut(self, *, single: bool = False) -> list[Taken]:
        """The next batch, oldest first; a single record when `single` (to find the one that a step fails on)."""
        size = min(1 if single else self._max_events, len(self._waiting))
        batch = [self._waiting.popleft() for _ in range(size)]
        self._bytes -= sum(taken.record.size for taken in batch)
        return batch

    def keep(self, counts: Callable[[Taken], bool]) -> None:
        """Drop all records for which `counts` says no."""
        self._waiting = deque(filter(counts, self._waiting))
        self._bytes = sum(taken.record.size for taken in self._waiting)
