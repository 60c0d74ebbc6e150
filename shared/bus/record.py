"""Kafka records as plain values, apart from any client library."""

from dataclasses import dataclass

Headers = tuple[tuple[str, bytes | None], ...]
PartitionId = tuple[str, int]
"""Topic and partition number."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a consumer got it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since 1970, UTC; -1 where the record carries none."""
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def partition_id(self) -> PartitionId:
        """Where it lies."""
        return self.topic, self.partition

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        return _size(self.key, self.value, self.headers)


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """One record to produce."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None = None
    """Where to put it; None leaves that to the key."""

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        return _size(self.key, self.value, self.headers)


def _size(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    return len(key or b"") + len(value or b"") + sum(len(name) + len(data or b"") for name, data in headers)
