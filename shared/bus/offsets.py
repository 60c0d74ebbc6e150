"""Which offsets may be committed: pure, and apart from everything else, because an error here loses parts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.bus.record import PartitionId


class Placed(Protocol):
    """Anything that came from an offset of a partition."""

    @property
    def partition_id(self) -> PartitionId:
        """Topic and partition."""
        ...

    @property
    def offset(self) -> int:
        """Offset in the partition."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of a sequence of processed records."""

    accepted: tuple[int, ...]
    """Indices of the records whose output may be published."""
    next_offsets: dict[PartitionId, int]
    """Per partition the offset to commit: one past its last accepted record."""
    held: dict[PartitionId, int]
    """Per partition the index of the first record that has to wait; it and all behind it are not accepted."""


def settle(records: Sequence[Placed], waiting: Iterable[int]) -> Settled:
    """Accept of each partition the longest prefix without a waiting record.

    Args:
        records: processed records; ascending offsets within each partition (as a consumer delivers them).
        waiting: indices of the records that asked to be retried.

    Raises:
        ValueError: offsets of a partition do not ascend; committing would lose or repeat records.
    """
    wait = frozenset(waiting)
    accepted: list[int] = []
    next_offsets: dict[PartitionId, int] = {}
    held: dict[PartitionId, int] = {}
    last: dict[PartitionId, int] = {}
    for index, record in enumerate(records):
        partition = record.partition_id
        if record.offset <= last.get(partition, -1):
            raise ValueError(f"{partition}: offset {record.offset} came after {last[partition]}")
        last[partition] = record.offset
        if partition in held:
            continue
        if index in wait:
            held[partition] = index
            continue
        accepted.append(index)
        next_offsets[partition] = record.offset + 1
    return Settled(tuple(accepted), next_offsets, held)
