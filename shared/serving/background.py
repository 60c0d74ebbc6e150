"""Work that goes on beside a worker's loop."""

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Final, Self


class Background(ABC):
    """A thread for the length of a `with` block: `_run` works until `_stop` is set.

    Args:
        name: of the thread.
        stop_s: the end waits so long for it, in seconds. One that hangs in a call to an absent server is left to end
            with the process.
    """

    def __init__(self, name: str, *, stop_s: float) -> None:
        self._stop: Final = threading.Event()
        self._stop_s: Final = stop_s
        self._thread: Final = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def running(self) -> bool:
        """Whether the thread lives. Only a bug ends it before the block does."""
        return self._thread.is_alive()

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._stop.set()
        self._thread.join(self._stop_s)

    @abstractmethod
    def _run(self) -> None:
        """What the thread does. An error that leaves it ends the thread."""
        ...
