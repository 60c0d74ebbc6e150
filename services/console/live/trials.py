"""What both versions of each trial thought of the latest parts: the judge's own windows, for whoever looks on."""

import threading
from collections.abc import Callable
from typing import Final

from shared.bus.reader import Read
from shared.events import Verdict, now
from shared.registry.snapshot import Snapshot
from shared.trials.measures.evidence import Evidence
from shared.trials.measures.measure import Measure
from shared.trials.trial import Standing, trials_of
from shared.trials.windows import Windows

MAX_PARTS: Final = 5_000
"""Of each version of a trial: about 2 MB a trial. Of more only the latest count."""
_SWEEP: Final = 10_000
"""Verdicts between two looks at which trials are over."""


class TrialBook:
    """Fed by the thread that reads Kafka, asked by those that answer requests.

    What was read before the registry was first known is not kept, nor what came before this process began to read.

    Args:
        snapshot: the registry's latest state; None while it is not known.
        max_parts: most parts kept of each version of a trial.
    """

    def __init__(self, snapshot: Callable[[], Snapshot | None], max_parts: int = MAX_PARTS) -> None:
        self._snapshot: Final = snapshot
        self._windows: Final = Windows(max_parts)
        self._lock: Final = threading.Lock()
        self._seen = 0

    def take(self, read: Read) -> None:
        """Keep a verdict, or a shadow's, for the trials that it is about."""
        event = read[1]
        if not isinstance(event, Verdict):
            return
        known = self._snapshot()
        with self._lock:
            self._windows.saw(event, known)
            self._seen += 1
            if known is not None and self._seen % _SWEEP == 0:
                self._windows.keep_only([one.trial for one in self._windows.standing(known)])

    def look(self, snapshot: Snapshot, key: str) -> list[tuple[Standing, Evidence, tuple[Measure, ...], int]]:
        """Each trial at exactly `key`: the evidence, the measures, and in how many verdicts another version stood in.

        Takes milliseconds; not for an event loop.

        Args:
            snapshot: the registry's state: which trials there are.
            key: of an assignment.
        """
        held = snapshot.assignments.get(key)
        if held is None:
            return []
        found = []
        with self._lock:
            for standing in trials_of(held, key):
                evidence, measures = self._windows.measured(standing, now(), snapshot)
                found.append((standing, evidence, measures, self._windows.of(standing.trial).stood_in))
        return found
