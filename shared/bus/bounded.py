"""Wait for a call only so long, whatever its own time-out is worth.

librdkafka's `send_offsets_to_transaction` may block for ever, past the time-out it was given, when the connection to
the group's coordinator breaks at the wrong moment (https://github.com/confluentinc/librdkafka/issues/5456, seen with
2.16.0). A thread that sits in such a call cannot be woken; it can only be left behind.
"""

import queue
import threading
from collections.abc import Callable
from typing import Any, Final


class CallStuck(Exception):
    """The call has not returned in time. It may still be running."""


class BoundedCaller:
    """Makes calls one after the other on a thread of its own. Once one got stuck, the caller is of no more use.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self._ends: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        # A daemon: what is stuck must not keep the process from ending.
        self._thread: Final = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __call__(self, call: Callable[[], Any], seconds: float) -> Any:
        """Make `call` and answer what it answers, or raise what it raises.

        Raises:
            CallStuck: it has not returned after `seconds`.
        """
        self._calls.put(call)
        try:
            answer, error = self._ends.get(timeout=seconds)
        except queue.Empty:
            raise CallStuck from None
        if error is not None:
            raise error
        return answer

    def close(self) -> None:
        """Let the thread end, now or when the call it is stuck in returns; does not wait for that."""
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                end: tuple[Any, BaseException | None] = (call(), None)
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
                end = (None, error)
            self._ends.put(end)
            # Nothing of the call may stay alive here while waiting for the next one: it would hold the producer.
            del call, end
