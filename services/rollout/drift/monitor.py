"""The drift monitor: watches the champions' verdicts, and tells where they no longer look like those of calibration."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from services.rollout.drift.decide import Finding, find
from services.rollout.drift.metrics import DriftMetrics
from services.rollout.drift.window import Watched, Window
from services.rollout.drift.words import KINDS, report
from shared.events import Verdict
from shared.faults import FaultSink
from shared.registry.snapshot import Snapshot
from shared.settings.drift import DriftSettings


class DriftMonitor:
    """Watches every champion at every camera. Implements `VerdictWatcher`.

    What drifted is not kept anywhere: after a restart the windows are read again and tell it again. Only a drift whose
    value then lies between its limit and the share that clears it is taken for over.

    Args:
        limits: see `DriftSettings`.
        faults: told what drifts, each time it is looked at.
        metrics: None makes them by the configured meter.
    """

    def __init__(self, limits: DriftSettings, faults: FaultSink, metrics: DriftMetrics | None = None) -> None:
        self._limits = limits
        self._faults = faults
        self._metrics = metrics or DriftMetrics()
        self._windows: dict[Watched, Window] = {}
        self._findings: dict[Watched, Finding] = {}

    @property
    def findings(self) -> Mapping[Watched, Finding]:
        """What every window looked like when they were last looked at."""
        return MappingProxyType(self._findings)

    def saw(self, verdict: Verdict) -> None:
        """Keep it for its champion and camera."""
        watched = Watched.of(verdict)
        if watched is not None:
            self._windows.setdefault(watched, Window(self._limits.window_parts)).saw(verdict)

    def look(self, now: datetime, snapshot: Snapshot) -> None:
        """Decide about every window; those without parts, and of versions that are no longer in force, are dropped."""
        oldest = now - timedelta(seconds=self._limits.window_s)
        for watched, window in list(self._windows.items()):
            window.forget(oldest)
            if not len(window) or not _in_force(watched, snapshot):
                del self._windows[watched]
                self._findings.pop(watched, None)
            elif window.changed:
                self._findings[watched] = self._find(watched, window, snapshot)
                window.changed = False
        found = [self._findings[watched] for watched in sorted(self._findings)]
        for name, kind in KINDS.items():
            self._faults.exactly(kind, [report(one, name, self._limits) for one in found if name in one.drifting])
        self._metrics.found(found)

    def _find(self, watched: Watched, window: Window, snapshot: Snapshot) -> Finding:
        last = self._findings.get(watched)
        before = frozenset() if last is None else last.drifting
        return find(watched, window.parts(), snapshot.version(watched.version), self._limits, before)


def _in_force(watched: Watched, snapshot: Snapshot) -> bool:
    held = snapshot.assignments.get(watched.key)
    return held is not None and held.record.champion == watched.version
