"""What the pages know of the present: memory, its feed, the workers' health, and who is told of changes."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from services.console.live.changes import Changes
from services.console.live.feed import live_feed
from services.console.live.health import HealthWatch, WorkerHealth
from services.console.live.memory import Memory
from shared.settings import Settings

MIB: Final = 1024 * 1024


class Live:
    """Follows Kafka for the length of a `with` block; outside of one it is empty. Thread-safe.

    Args:
        settings: of the process.
    """

    def __init__(self, settings: Settings) -> None:
        history = timedelta(hours=settings.console.history_h)
        self.changes: Final = Changes()
        self.memory: Final = Memory(history=history, map_bytes=settings.console.maps_mib * MIB, tell=self.changes.tell)
        self.history: Final = history
        self._feed: Final = live_feed(settings.bus, self.memory, history=history)
        self._health: Final = HealthWatch(settings.bus, lambda: self.changes.tell("health"))
        self._named: Final = frozenset(settings.plants.named)
        self._exit = ExitStack()

    def plants(self) -> set[str]:
        """Every plant that is known: named in the settings, or seen in a verdict."""
        return self.memory.plants() | self._named

    @property
    def workers(self) -> tuple[WorkerHealth, ...]:
        """The workers, as last seen."""
        return self._health.workers

    @property
    def away_since(self) -> datetime | None:
        """Since when Kafka has not answered; None while it does."""
        return self._health.away_since

    @property
    def current(self) -> bool:
        """Whether everything that was in Kafka at the start has been read."""
        return self._feed.current

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(self._feed)
            starting.enter_context(self._health)
            self._exit = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()
