"""The windows of all trials: filled from the stream of verdicts, measured whenever asked."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from shared.events import Verdict
from shared.registry.snapshot import Snapshot
from shared.trials.measures.compare import compare
from shared.trials.measures.evidence import Evidence
from shared.trials.measures.measure import Measure
from shared.trials.trial import Standing, Trial, trials
from shared.trials.window import Window


class Windows:
    """One window for each trial that the registry holds.

    Args:
        max_parts: most parts kept of each version of a trial.
    """

    def __init__(self, max_parts: int) -> None:
        self._max_parts = max_parts
        self._windows: dict[Trial, Window] = {}
        self._known: tuple[Snapshot | None, Mapping[str, tuple[Standing, ...]]] = (None, {})

    def saw(self, verdict: Verdict, snapshot: Snapshot | None) -> None:
        """Keep a verdict for the trials that it is about."""
        if verdict.model is None or snapshot is None:
            return
        for standing in self._trials(snapshot).get(verdict.model.assignment, ()):
            self.of(standing.trial).saw(verdict)

    def standing(self, snapshot: Snapshot) -> list[Standing]:
        """Every trial there is."""
        return [one for found in self._trials(snapshot).values() for one in found]

    def keep_only(self, present: Collection[Trial]) -> None:
        """Forget the trials that are over."""
        self._windows = {trial: window for trial, window in self._windows.items() if trial in present}

    def measured(self, standing: Standing, now: datetime, snapshot: Snapshot) -> tuple[Evidence, tuple[Measure, ...]]:
        """What a trial looks like now: the window's content, and every measure of it."""
        window = self.of(standing.trial)
        window.forget(now - timedelta(seconds=standing.guard.window_s))
        evidence = window.evidence()
        trial, champion = (snapshot.version(name) for name in (standing.trial.version, standing.trial.champion))
        return evidence, compare(evidence, standing.guard, trial=trial, champion=champion)

    def of(self, trial: Trial) -> Window:
        """What is held of a trial."""
        return self._windows.setdefault(trial, Window(trial, self._max_parts))

    def _trials(self, snapshot: Snapshot) -> Mapping[str, tuple[Standing, ...]]:
        if snapshot is not self._known[0]:
            self._known = (snapshot, trials(snapshot))
        return self._known[1]
