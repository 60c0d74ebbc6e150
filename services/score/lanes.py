"""Work in threads of its own, a few pieces at a time, where one that hangs holds up no other."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

LANES: Final = 2
"""Pieces at a time: the line that they run beside needs the processor too."""
PATIENCE_S: Final = 1.0


class Lanes:
    """Runs pieces of work in the order they came, `lanes` at a time. Thread-safe.

    A piece that is not done after `patience_s` goes on beside its lane, which the next one takes: a store that hangs
    on one bundle then delays another bundle by so much at the most, and not for ever.

    Args:
        name: of the threads.
        lanes: pieces at a time.
        patience_s: how long a piece may keep its lane, in seconds.
    """

    def __init__(self, name: str, *, lanes: int = LANES, patience_s: float = PATIENCE_S) -> None:
        self._name = name
        self._lanes = lanes
        self._patience = patience_s
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._begun: dict[object, float] = {}
        self._threads: set[threading.Thread] = set()
        self._closed = False

    def submit(self, work: Callable[[], None]) -> bool:
        """Have `work` done, which must not raise. Returns at once: whether it will be; after `close` it is not."""
        ticket = object()
        # A daemon: a store that hangs must not keep the process from ending.
        thread = threading.Thread(target=self._run, args=(ticket, work), name=self._name, daemon=True)
        with self._changed:
            if self._closed:
                return False
            self._waiting.append(ticket)
            self._threads.add(thread)
        thread.start()
        return True

    def close(self, timeout_s: float) -> None:
        """Begin nothing more, and wait for what is under way, at most `timeout_s` in all."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            threads = list(self._threads)
        until = time.monotonic() + timeout_s
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self, ticket: object, work: Callable[[], None]) -> None:
        try:
            if self._enter(ticket):
                work()
        finally:
            with self._changed:
                self._begun.pop(ticket, None)
                self._threads.discard(threading.current_thread())
                self._changed.notify_all()

    def _enter(self, ticket: object) -> bool:
        """Wait for a lane; whether there is one, and not the end."""
        with self._changed:
            while not self._closed and (self._waiting[0] is not ticket or self._relief_s() > 0):
                self._changed.wait(max(0.01, self._relief_s()) if self._waiting[0] is ticket else None)
            if self._closed:
                return False
            self._waiting.popleft()
            self._begun[ticket] = time.monotonic()
            self._changed.notify_all()
            return True

    def _relief_s(self) -> float:
        """Seconds until a lane is free at the latest."""
        now = time.monotonic()
        left = sorted(until - now for begun in self._begun.values() if (until := begun + self._patience) > now)
        return 0.0 if len(left) < self._lanes else left[-self._lanes]
