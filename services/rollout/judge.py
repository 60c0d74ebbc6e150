"""The automatic judge: what versions on trial do beside the champion, and what follows from it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.rollout.act import Acting
from services.rollout.measures.compare import compare
from services.rollout.measures.evidence import Evidence
from services.rollout.measures.measure import Measure
from services.rollout.metrics import JudgeMetrics
from services.rollout.trial import Standing, Trial, trials
from services.rollout.window import Window
from shared.events import Verdict
from shared.registry.snapshot import Snapshot

_log = structlog.get_logger(__name__)


class Judge:
    """Watches every trial that the registry holds. Implements `VerdictWatcher`.

    Args:
        snapshot: answers the registry's latest state.
        acting: does what follows from a breach.
        max_parts: most parts kept of each version of a trial.
    """

    def __init__(self, snapshot: Callable[[], Snapshot | None], acting: Acting, *, max_parts: int) -> None:
        self._snapshot = snapshot
        self._acting = acting
        self._max_parts: Final = max_parts
        self._metrics = JudgeMetrics()
        self._windows: dict[Trial, Window] = {}
        self._known: tuple[Snapshot | None, Mapping[str, tuple[Standing, ...]]] = (None, {})
        self._changed: set[Trial] = set()

    def saw(self, verdict: Verdict) -> None:
        """Keep it for the trials that it is about."""
        if verdict.model is None:
            return
        for standing in self._trials(self._snapshot()).get(verdict.model.assignment, ()):
            self.window(standing.trial).saw(verdict)

    def look(self, now: datetime, snapshot: Snapshot) -> None:
        """Measure every trial and act on what is beyond its limit."""
        standing = [one for found in self._trials(snapshot).values() for one in found]
        self._windows = {one.trial: self._windows[one.trial] for one in standing if one.trial in self._windows}
        for one in standing:
            _, measures = self.measured(one, now, snapshot)
            self._acting.on(one, measures)
        self._acting.end_look(standing)

    def measured(self, standing: Standing, now: datetime, snapshot: Snapshot) -> tuple[Evidence, tuple[Measure, ...]]:
        """What a trial looks like now."""
        window = self.window(standing.trial)
        window.forget(now - timedelta(seconds=standing.guard.window_s))
        evidence = window.evidence()
        self._metrics.measured(standing.trial, evidence)
        trial, champion = (snapshot.version(name) for name in (standing.trial.version, standing.trial.champion))
        return evidence, compare(evidence, standing.guard, trial=trial, champion=champion)

    def window(self, trial: Trial) -> Window:
        """What is held of a trial."""
        return self._windows.setdefault(trial, Window(trial, self._max_parts))

    def _trials(self, snapshot: Snapshot | None) -> Mapping[str, tuple[Standing, ...]]:
        if snapshot is not self._known[0]:
            self._known = (snapshot, {} if snapshot is None else trials(snapshot))
        return self._known[1]
