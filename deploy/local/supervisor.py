"""Start a worker again that ended by itself, as a cluster's supervisor would, and give up on one that keeps ending."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from deploy.local.process import ServerFailedError

FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 30.0
MOST_RESTARTS: Final = 5
WITHIN_SECONDS: Final = 300.0


class Restartable(Protocol):
    """What is watched: `deploy.local.process.ServerProcess`."""

    name: str

    @property
    def running(self) -> bool:
        """Whether it runs."""
        ...

    def start_again(self) -> None:
        """Start it anew."""
        ...

    def stop(self) -> None:
        """End it; harmless when it has ended."""
        ...

    def tail(self) -> str:
        """The end of its log."""
        ...


class Supervisor:
    """Looks after processes whenever it is asked to; never waits.

    Args:
        processes: name -> process, all running.
        told: hears in one line of what happened.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        processes: Mapping[str, Restartable],
        *,
        told: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._processes = processes
        self._told = told
        self._clock = clock
        self._ended: dict[str, deque[float]] = {name: deque() for name in processes}
        self._due: dict[str, float] = {}

    def look(self) -> None:
        """Start again what has ended, each after a pause that doubles with every end.

        Raises:
            ServerFailedError: one has ended more than MOST_RESTARTS times within WITHIN_SECONDS, or does not start.
        """
        now = self._clock()
        for name, process in self._processes.items():
            if process.running:
                continue
            if name not in self._due:
                self._due[name] = now + self._pause(name, process, now)
            if self._due[name] <= now:
                del self._due[name]
                process.start_again()
                self._told(f"{process.name} was started again")

    def _pause(self, name: str, process: Restartable, now: float) -> float:
        ended = self._ended[name]
        ended.append(now)
        while ended[0] <= now - WITHIN_SECONDS:
            ended.popleft()
        if len(ended) > MOST_RESTARTS:
            raise ServerFailedError(
                f"{process.name} ended {len(ended)} times in {WITHIN_SECONDS:.0f} s. Its log ends:\n{process.tail()}"
            )
        process.stop()  # collects what is left of it
        pause: float = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** (len(ended) - 1))
        self._told(f"{process.name} ended by itself; it is started again in {pause:.0f} s ({_last(process.tail())})")
        return pause


def _last(tail: str) -> str:
    return next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), "no log")
