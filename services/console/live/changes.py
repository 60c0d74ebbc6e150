"""Who changed what: told from any thread, followed by any number of browser tabs on one event loop.

Nothing is queued. Each topic has the number of its latest change; a follower that wakes asks what is newer than what it
has seen. So a slow browser costs nothing, and one that comes back asks for what it missed.
"""

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from typing import Final, Literal

Topic = Literal["lines", "fails", "alerts", "subscriptions", "rollouts", "training", "health"]
TOPICS: Final[tuple[Topic, ...]] = ("lines", "fails", "alerts", "subscriptions", "rollouts", "training", "health")
GATHER_SECONDS: Final = 0.2
"""Changes within this time reach a browser as one."""
MOST_PLACES: Final = 4096
"""Topics times plants that are told apart; beyond that the oldest are forgotten."""


@dataclass(frozen=True)
class Changed:
    """What changed since the last word, perhaps nothing: then it says that all is well."""

    topics: tuple[Topic, ...]
    position: str
    """From where a follower goes on."""


class Changes:
    """The numbers of the latest changes."""

    def __init__(self) -> None:
        self._boot: Final = secrets.token_hex(4)
        """A position of another process's life means nothing here."""
        self._lock = threading.Lock()
        self._number = 0
        self._latest: dict[tuple[Topic, str | None], int] = {}
        self._followers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._closed = False

    @property
    def position(self) -> str:
        """From where a follower goes on that has seen everything up to now."""
        return f"{self._boot}-{self._number}"

    @property
    def followers(self) -> int:
        """How many follow now."""
        return len(self._followers)

    def tell(self, topic: Topic, plant: str | None = None) -> None:
        """Something of `topic` changed, at `plant` where it is of one. Any thread."""
        with self._lock:
            self._number += 1
            self._latest.pop((topic, plant), None)
            self._latest[topic, plant] = self._number
            if len(self._latest) > MOST_PLACES:
                del self._latest[next(iter(self._latest))]
            self._wake()

    def close(self) -> None:
        """End every follower, now and from now on. Any thread."""
        with self._lock:
            self._closed = True
            self._wake()

    async def follow(
        self,
        topics: Collection[Topic],
        sees: Callable[[str | None], bool],
        *,
        since: str | None = None,
        beat_s: float = 5.0,
    ) -> AsyncIterator[Changed]:
        """What changes, and at least every `beat_s` seconds a word. Ends only with `close`.

        Args:
            topics: that are followed.
            sees: whether what changed at a plant matters.
            since: where an earlier follower was; where that is not known, everything changed.
            beat_s: seconds.
        """
        me = asyncio.get_running_loop(), asyncio.Event()
        seen = self._number_of(since)
        with self._lock:
            self._followers.add(me)
        try:
            while not self._closed:
                me[1].clear()
                found, seen = self._newer(seen, topics, sees)
                yield Changed(found, f"{self._boot}-{seen}")
                if not self._behind(seen):
                    try:
                        await asyncio.wait_for(me[1].wait(), beat_s)
                    except TimeoutError:
                        continue
                await asyncio.sleep(GATHER_SECONDS)
        finally:
            with self._lock:
                self._followers.discard(me)

    def _newer(
        self, seen: int, topics: Collection[Topic], sees: Callable[[str | None], bool]
    ) -> tuple[tuple[Topic, ...], int]:
        with self._lock:
            if seen < 0:
                return tuple(topic for topic in TOPICS if topic in topics), self._number
            found = {
                topic for (topic, plant), at in self._latest.items() if at > seen and topic in topics and sees(plant)
            }
            return tuple(topic for topic in TOPICS if topic in found), self._number

    def _behind(self, seen: int) -> bool:
        return self._closed or self._number > seen

    def _number_of(self, position: str | None) -> int:
        boot, _, number = (position or "").partition("-")
        return int(number) if boot == self._boot and number.isdecimal() else -1

    def _wake(self) -> None:
        for loop, event in self._followers:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:
                continue  # its loop has ended; so has the follower
