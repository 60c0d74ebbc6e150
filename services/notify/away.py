"""Tell that the mail server or the broker has failed for long: then nobody hears anything, and nobody knows."""

import threading
import time
from collections.abc import Callable

from shared.faults import FaultSink, Report


class Away:
    """Follows one server that all messages of a kind go through. Thread-safe.

    Args:
        faults: told after a while, and when it answers again.
        subject: which server, e.g. `mail server smtp.plant.example:587`.
        hint: what to look at.
        after_s: how long it may fail without a word.
        clock: seconds that only rise.
    """

    def __init__(
        self,
        faults: FaultSink,
        subject: str,
        *,
        hint: str,
        after_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._faults = faults
        self._subject = subject
        self._hint = hint
        self._after = after_s
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None

    def failed(self, detail: str) -> None:
        """It did not do its part, whatever the message."""
        with self._lock:
            if self._since is None:
                self._since = self._clock()
            long = self._clock() - self._since >= self._after
        if long:
            detail = f"the {self._subject} takes nothing: {detail}"
            self._faults.raised(Report("receiver_away", "error", detail, subject=self._subject, hint=self._hint))

    def worked(self) -> None:
        """It did."""
        with self._lock:
            self._since = None
        self._faults.cleared("receiver_away", self._subject)
