"""The one thread that runs the step, so that the consumer's thread can always poll."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from shared.bus.partitions import Taken
from shared.bus.processing import Processed


class ComputeThread:
    """Runs `process` on batches, one at a time, in the order they were handed in.

    Args:
        process: must not raise.
        name: of the thread.
    """

    def __init__(self, process: Callable[[Sequence[Taken]], Processed], *, name: str) -> None:
        self._process: Final = process
        self._in: queue.SimpleQueue[list[Taken] | None] = queue.SimpleQueue()
        self._out: deque[Processed] = deque()
        self._changed = threading.Condition()
        self._outstanding: deque[list[Taken]] = deque()
        self._busy_since: float | None = None
        self._crash: BaseException | None = None
        # A daemon: a step that hangs in a driver must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def outstanding(self) -> int:
        """Batches handed in and not collected yet."""
        return len(self._outstanding)

    @property
    def busy_s(self) -> float:
        """Seconds the step has been on its present batch; 0.0 when idle."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def works_on(self, wanted: Callable[[Taken], bool]) -> bool:
        """Whether a batch that is not collected yet has a record that `wanted` says yes to."""
        return any(wanted(taken) for batch in self._outstanding for taken in batch)

    def submit(self, batch: list[Taken]) -> None:
        """Hand in a batch."""
        self._outstanding.append(batch)
        self._in.put(batch)

    def wait(self, seconds: float) -> None:
        """Wait until a batch is done, at most `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._out or self._crash, timeout=max(0.0, seconds))

    def collect(self) -> list[Processed]:
        """All batches done since the last call, in order.

        Raises:
            BaseException: what ended the thread (not an Exception of the step: those are in `Processed.error`).
        """
        with self._changed:
            if self._crash is not None:
                raise self._crash
            done = list(self._out)
            self._out.clear()
        for _ in done:
            self._outstanding.popleft()
        return done

    def stop(self, seconds: float) -> None:
        """Let the thread end after its present batch; waits at most `seconds` for that."""
        self._in.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while (batch := self._in.get()) is not None:
                self._busy_since = time.monotonic()
                processed = self._process(batch)
                self._busy_since = None
                with self._changed:
                    self._out.append(processed)
                    self._changed.notify_all()
        except BaseException as crash:  # noqa: BLE001 - handed to the loop, which raises it in the main thread
            with self._changed:
                self._crash = crash
                self._changed.notify_all()
