"""The latest answers by image id, in memory and bounded, with callers that wait for one.

Written by the thread that reads Kafka, awaited on the event loop. What has been pushed out, or was published longer ago
than the gateway reads back when it starts, is not found here: Kafka is the record, this is a convenience.
"""

import asyncio
import threading
from collections import OrderedDict
from dataclasses import dataclass

from services.answers import DeadPhoto
from shared.events import Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, kept as the JSON it is served as: about 1 KB, a fifth of what the object takes."""

    part: str
    body: bytes

    @classmethod
    def of(cls, verdict: Verdict) -> "Judged":
        """Keep `verdict`."""
        return cls(verdict.part, verdict.model_dump_json().encode())


Answer = Judged | DeadPhoto
_Waiter = asyncio.Future[Answer | None]


class VerdictCache:
    """Answers by image id.

    Args:
        capacity: how many are kept; the oldest go first.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._waiters: dict[str, list[_Waiter]] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def put(self, image: str, answer: Answer) -> None:
        """Keep `answer` and wake those who wait for it. A verdict is never replaced by a dead letter. Any thread."""
        with self._lock:
            if isinstance(self._answers.get(image), Judged) and isinstance(answer, DeadPhoto):
                return
            self._answers[image] = answer
            while len(self._answers) > self._capacity:
                self._answers.popitem(last=False)
            waiters = self._waiters.pop(image, [])
        _wake(waiters, answer)

    def get(self, image: str) -> Answer | None:
        """The answer, if it is known. Any thread."""
        with self._lock:
            return self._answers.get(image)

    async def wait(self, image: str, seconds: float) -> Answer | None:
        """The answer, waiting up to `seconds` for it; None when it did not come or the cache was closed."""
        with self._lock:
            known = self._answers.get(image)
            if known is not None or self._closed or seconds <= 0:
                return known
            waiter: _Waiter = asyncio.get_running_loop().create_future()
            self._waiters.setdefault(image, []).append(waiter)
        try:
            return await asyncio.wait_for(waiter, seconds)
        except TimeoutError:
            return self.get(image)
        finally:
            self._forget(image, waiter)

    def close(self) -> None:
        """Send all who wait away, now and from now on: the gateway is stopping. Any thread."""
        with self._lock:
            self._closed = True
            waiters = [waiter for waiting in self._waiters.values() for waiter in waiting]
            self._waiters.clear()
        _wake(waiters, None)

    def __len__(self) -> int:
        with self._lock:
            return len(self._answers)

    def _forget(self, image: str, waiter: _Waiter) -> None:
        with self._lock:
            waiting = self._waiters.get(image)
            if waiting is not None and waiter in waiting:
                waiting.remove(waiter)
                if not waiting:
                    del self._waiters[image]


def _wake(waiters: list[_Waiter], answer: Answer | None) -> None:
    for waiter in waiters:
        waiter.get_loop().call_soon_threadsafe(_resolve, waiter, answer)


def _resolve(waiter: _Waiter, answer: Answer | None) -> None:
    if not waiter.done():
        waiter.set_result(answer)
