"""What was really done to the workers and servers, and when: the harness's own account."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

MarkKind: TypeAlias = Literal[
    "sigkill", "sigstop", "broker_restart", "redis_restart", "network_fault", "visit", "model_swap"
]


@dataclass(frozen=True, slots=True)
class Mark:
    """One fault that struck, or one thing that happened on purpose."""

    kind: MarkKind
    detail: str
    victim: str
    """The worker or server."""
    start: float
    """Seconds since 1970."""
    end: float


class Marks:
    """Marks in the order they were made. Thread-safe."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []
        self._lock = threading.Lock()
        self.trouble: Final[list[str]] = []
        """Faults that could not be carried out: the harness's own failures."""

    def add(self, kind: MarkKind, detail: str, victim: str, *, start: float | None = None) -> None:
        """It has happened, just now or since `start`."""
        now = time.time()
        with self._lock:
            self._marks.append(Mark(kind, detail, victim, now if start is None else start, now))

    @contextmanager
    def lasting(self, kind: MarkKind, detail: str, victim: str) -> Iterator[None]:
        """It happens during the block; not counted when the block fails."""
        start = time.time()
        yield
        self.add(kind, detail, victim, start=start)

    def all(self) -> tuple[Mark, ...]:
        """What there is so far."""
        with self._lock:
            return tuple(self._marks)

    def counts(self) -> Counter[MarkKind]:
        """How many of each kind."""
        return Counter(mark.kind for mark in self.all())

    def details(self, kind: MarkKind) -> Counter[str]:
        """How many of each detail of one kind."""
        return Counter(mark.detail for mark in self.all() if mark.kind == kind)
