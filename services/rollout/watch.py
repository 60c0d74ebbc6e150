"""Who looks on at the stream of verdicts: the automatic judge, and whoever else wants to."""

from datetime import datetime
from typing import Protocol

from shared.events import Verdict
from shared.registry.snapshot import Snapshot


class VerdictWatcher(Protocol):
    """Is told of every verdict, and asked from time to time what it makes of them. One thread calls both, in turn."""

    def saw(self, verdict: Verdict) -> None:
        """A verdict that gates, or a `ShadowVerdict`; in order for each part, and never twice in one process.

        At the start come those of the latest `longest_window_s` first: the time that counts is `verdict.time`.
        """
        ...

    def look(self, now: datetime, snapshot: Snapshot) -> None:
        """Decide. Never called before all verdicts that were there at the start have been told.

        Args:
            now: the present.
            snapshot: the registry's latest state; `snapshot.stale` while Redis is away.
        """
        ...


def longest_window_s(snapshot: Snapshot, *others: float) -> float:
    """How far back verdicts are read at the start, in seconds, so that every watcher's window is whole.

    Args:
        snapshot: the registry's state: each assignment with a trial has a window.
        others: windows of other watchers, in seconds.
    """
    held = (entry.record for entry in snapshot.assignments.values())
    windows = [record.guard.window_s for record in held if record.canary is not None or record.shadow is not None]
    return max((*windows, *others), default=0.0)
