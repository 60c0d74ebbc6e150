"""The automatic judge: what versions on trial do beside the champion, and what follows from it."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from services.rollout.act import Acting
from services.rollout.metrics import JudgeMetrics
from shared.events import Verdict
from shared.registry.snapshot import Snapshot
from shared.trials.windows import Windows


class Judge:
    """Watches every trial that the registry holds. Implements `VerdictWatcher`.

    Args:
        snapshot: answers the registry's latest state.
        acting: does what follows from a breach.
        max_parts: most parts kept of each version of a trial.
    """

    def __init__(self, snapshot: Callable[[], Snapshot | None], acting: Acting, *, max_parts: int) -> None:
        self._snapshot: Final = snapshot
        self._acting: Final = acting
        self._windows: Final = Windows(max_parts)
        self._metrics: Final = JudgeMetrics()

    def saw(self, verdict: Verdict) -> None:
        """Keep it for the trials that it is about."""
        self._windows.saw(verdict, self._snapshot())

    def look(self, now: datetime, snapshot: Snapshot) -> None:
        """Measure every trial and act on what is beyond its limit."""
        standing = self._windows.standing(snapshot)
        self._windows.keep_only({one.trial for one in standing})
        for one in standing:
            evidence, measures = self._windows.measured(one, now, snapshot)
            self._metrics.measured(one.trial, evidence)
            self._acting.on(one, measures)
        self._acting.end_look(standing)
