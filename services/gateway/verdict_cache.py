"""The latest answers by image id, in memory and bounded, with callers that wait for one.

Written by the thread that reads Kafka, awaited on the event loop. What has been pushed out, or was published longer ago
than the gateway reads back when it starts, is not found here: Kafka is the record, this is a convenience.

Clients choose ids, so two plants may use the same one. Each plant's answer is kept beside the other's, and who may see
only one of them cannot tell that there is another, be it by the answer or by the time it takes.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from services.answers import DeadPhoto
from shared.events import Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, kept as the JSON it is served as: about 1 KB, a fifth of what the object takes."""

    part: str
    plant: str
    body: bytes

    @classmethod
    def of(cls, verdict: Verdict) -> "Judged":
        """Keep `verdict`."""
        return cls(verdict.part, verdict.plant, verdict.model_dump_json().encode())


Answer = Judged | DeadPhoto
Visible = Callable[[str | None], bool]
"""Whether answers of this plant may be seen; None is the plant of a photo that never said it."""


@dataclass(frozen=True, slots=True)
class _Waiter:
    answer: asyncio.Future[Answer | None]
    visible: Visible


class VerdictCache:
    """Answers by image id.

    Args:
        capacity: how many ids are kept; the oldest go first.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, tuple[Answer, ...]] = OrderedDict()
        """By image id: the latest answer of each plant, the newest last."""
        self._waiters: dict[str, list[_Waiter]] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def put(self, image: str, answer: Answer) -> None:
        """Keep `answer` and wake those who wait for it. A verdict is never replaced by a dead letter. Any thread."""
        with self._lock:
            others = [known for known in self._answers.get(image, ()) if known.plant != answer.plant]
            same = [known for known in self._answers.get(image, ()) if known.plant == answer.plant]
            if isinstance(answer, DeadPhoto) and any(isinstance(known, Judged) for known in same):
                return
            self._answers[image] = (*others, answer)
            while len(self._answers) > self._capacity:
                self._answers.popitem(last=False)
            woken = [waiter for waiter in self._waiters.get(image, ()) if waiter.visible(answer.plant)]
            self._forget(image, woken)
        _wake(woken, answer)

    def get(self, image: str, visible: Visible) -> Answer | None:
        """The newest answer that is `visible`, if one is known. Any thread."""
        with self._lock:
            return self._find(image, visible)

    async def wait(self, image: str, seconds: float, visible: Visible) -> Answer | None:
        """The same, waiting up to `seconds` for it; None when it did not come or the cache was closed."""
        with self._lock:
            known = self._find(image, visible)
            if known is not None or self._closed or seconds <= 0:
                return known
            waiter = _Waiter(asyncio.get_running_loop().create_future(), visible)
            self._waiters.setdefault(image, []).append(waiter)
        try:
            return await asyncio.wait_for(waiter.answer, seconds)
        except TimeoutError:
            return self.get(image, visible)
        finally:
            with self._lock:
                self._forget(image, [waiter])

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

    def _find(self, image: str, visible: Visible) -> Answer | None:
        return next((answer for answer in reversed(self._answers.get(image, ())) if visible(answer.plant)), None)

    def _forget(self, image: str, gone: Iterable[_Waiter]) -> None:
        left = [waiter for waiter in self._waiters.get(image, ()) if all(waiter is not one for one in gone)]
        if left:
            self._waiters[image] = left
        else:
            self._waiters.pop(image, None)


def _wake(waiters: Iterable[_Waiter], answer: Answer | None) -> None:
    for waiter in waiters:
        waiter.answer.get_loop().call_soon_threadsafe(_resolve, waiter.answer, answer)


def _resolve(waiting: asyncio.Future[Answer | None], answer: Answer | None) -> None:
    if not waiting.done():
        waiting.set_result(answer)
