"""The partitions this worker owns, and which of its in-memory work still counts.

One rule covers revoke, abort, retry and step failure alike: each partition has an epoch, each record remembers the
epoch in which it was taken, and work of another epoch is void wherever it turns up. Pure state: no Kafka in here.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Final

from shared.bus.record import PartitionId, Record


@dataclass(frozen=True, slots=True)
class Taken:
    """One record in this worker's hands."""

    record: Record
    epoch: int
    arrived: float
    """Monotonic seconds."""

    @property
    def partition_id(self) -> PartitionId:
        """Topic and partition."""
        return self.record.partition_id

    @property
    def offset(self) -> int:
        """Offset in the partition."""
        return self.record.offset


@dataclass(slots=True)
class _Owned:
    epoch: int
    first: int | None = None
    paused: bool | None = None
    """None: nobody knows. librdkafka keeps a partition paused that leaves and comes back."""
    held_until: float | None = None
    held_offset: int | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class PauseChange:
    """What to tell the consumer so that the right partitions are paused."""

    pause: tuple[PartitionId, ...]
    resume: tuple[PartitionId, ...]


class Partitions:
    """The owned partitions.

    Args:
        retry_initial_s: first pause of a held partition.
        retry_max_s: the longest.
    """

    def __init__(self, *, retry_initial_s: float, retry_max_s: float) -> None:
        self._initial: Final = retry_initial_s
        self._max: Final = retry_max_s
        self._owned: dict[PartitionId, _Owned] = {}
        # Never reused: a partition that comes back must not revive work from before it left.
        self._epochs = count(1)

    def __contains__(self, partition: PartitionId) -> bool:
        return partition in self._owned

    @property
    def ids(self) -> frozenset[PartitionId]:
        """All owned partitions."""
        return frozenset(self._owned)

    def assign(self, partitions: Iterable[PartitionId]) -> None:
        """Own these from now on."""
        for partition in partitions:
            self._owned[partition] = _Owned(next(self._epochs))

    def revoke(self, partitions: Iterable[PartitionId]) -> None:
        """Own these no more; all work on them is void."""
        for partition in partitions:
            self._owned.pop(partition, None)

    def take(self, record: Record, *, now: float) -> Taken | None:
        """Take a delivered record; None when its partition is not ours (any more) or is held back."""
        owned = self._owned.get(record.partition_id)
        if owned is None or owned.held_until is not None:
            return None
        if owned.first is None:
            owned.first = record.offset
        return Taken(record, owned.epoch, now)

    def counts(self, taken: Taken) -> bool:
        """Whether this work may still be committed."""
        owned = self._owned.get(taken.partition_id)
        return owned is not None and owned.epoch == taken.epoch

    def void(self, partitions: Iterable[PartitionId]) -> None:
        """Make all in-memory work on these void: they are read again from an earlier offset."""
        for partition in partitions:
            if partition in self._owned:
                self._owned[partition].epoch = next(self._epochs)

    def begun(self) -> dict[PartitionId, int]:
        """Per partition: the first offset taken, where to go back to when none is committed."""
        return {partition: owned.first for partition, owned in self._owned.items() if owned.first is not None}

    def hold(self, partition: PartitionId, offset: int, *, now: float) -> float | None:
        """Hold a partition back before `offset`: void its work, and wait with exponential back-off and jitter.

        Returns:
            Seconds to wait when this is the first time for this offset (worth a log line), else None.
        """
        owned = self._owned[partition]
        again = owned.held_offset == offset
        owned.attempts = owned.attempts + 1 if again else 0
        owned.held_offset = offset
        owned.epoch = next(self._epochs)
        # Bounding the exponent keeps the power finite for a partition that waits for days.
        delay = min(self._max, self._initial * 2.0 ** min(owned.attempts, 32)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        owned.held_until = now + delay
        return None if again else delay

    def release_due(self, *, now: float) -> None:
        """Let partitions go whose pause is over."""
        for owned in self._owned.values():
            if owned.held_until is not None and owned.held_until <= now:
                owned.held_until = None

    def done(self, partition: PartitionId, next_offset: int) -> bool:
        """Note what was committed; True when that ends a series of retries (worth a log line)."""
        owned = self._owned.get(partition)
        if owned is None or owned.held_offset is None or next_offset <= owned.held_offset:
            return False
        owned.held_offset, owned.attempts = None, 0
        return True

    @property
    def held(self) -> int:
        """How many partitions are held back now."""
        return sum(owned.held_until is not None for owned in self._owned.values())

    def pause_change(self, *, all_paused: bool) -> PauseChange:
        """The difference between what is paused and what should be; from now on it counts as applied."""
        pause: list[PartitionId] = []
        resume: list[PartitionId] = []
        for partition, owned in self._owned.items():
            wanted = all_paused or owned.held_until is not None
            # A partition that is new is told either way: to resume one that flows does no harm.
            if wanted != owned.paused:
                (pause if wanted else resume).append(partition)
                owned.paused = wanted
        return PauseChange(tuple(pause), tuple(resume))
