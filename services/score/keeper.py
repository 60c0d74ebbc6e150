"""Beside the line, in its own thread: try again what could not be loaded, remember what was, tell what is amiss."""

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

import structlog

from services.score.effective import Effective
from services.score.in_force import InForce
from services.score.models import ModelShelf
from shared.events import Severity
from shared.faults import FaultSink, Report
from shared.registry.place_key import PlaceKey
from shared.registry.snapshot import Snapshot
from shared.store import ArtifactMissing, ArtifactStore, StoreUnavailable

TICK_S: Final = 1.0
_END_S: Final = 5.0
"""A store that hangs may delay the end of a process by this much."""
_log = structlog.get_logger(__name__)


class ModelKeeper:
    """Keeps the shelf as the registry's latest state wants it.

    Args:
        shelf: of loaded models.
        in_force: which version was last in force where.
        effective: by which entries is judged.
        store: looked at now and then.
        faults: told which assigned versions are not loaded and whether the store answers.
        check_s: time between two looks at the store, in seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        shelf: ModelShelf,
        in_force: InForce,
        effective: Effective,
        store: ArtifactStore,
        *,
        faults: FaultSink,
        check_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shelf = shelf
        self._in_force = in_force
        self._effective = effective
        self._store = store
        self._faults = faults
        self._check = check_s
        self._clock = clock
        self._looked: float | None = None
        self._away = False
        self._news = threading.Event()
        # A load that failed is told of at once, before it may be tried again with success.
        shelf.listen(self._news.set)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="model-keeper", daemon=True)

    def changed(self, snapshot: Snapshot) -> None:
        """The registry has a new state: what it lacks is being loaded from now on. Returns at once."""
        self._effective.hear(snapshot)
        self._news.set()

    def warm(self, snapshot: Snapshot) -> None:
        """Load every version that the snapshot assigns, so that the first part does not wait for it."""
        self._effective.settle(snapshot)
        self._remember(snapshot)

    def look(self) -> None:
        """Try again what failed and is due, and tell what is amiss now."""
        snapshot = self._effective.latest
        if snapshot is None:
            return
        self._shelf.retry()
        self._effective.refresh()
        self._remember(snapshot)
        self._faults.exactly("model_not_loaded", list(self._missing(snapshot)))
        self._look_at_room()
        self._look_at_store(snapshot)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._news.set()
        self._shelf.close()
        self._thread.join(_END_S)

    def _keep(self) -> None:
        while not self._stop.is_set():
            try:
                self._news.clear()
                self.look()
            except Exception:  # noqa: BLE001 - a thread that died would never load the next version
                if not self._stop.is_set():
                    _log.exception("model keeper failed; it goes on")
            self._news.wait(TICK_S)

    def _remember(self, snapshot: Snapshot) -> None:
        """What stands in for a champion that cannot be loaded one day, also at a place where no part came by."""
        self._in_force.keep_only(snapshot.assignments)
        now = self._effective.now
        for key, entry in now.assignments.items():
            champion = now.version(entry.record.champion)
            if champion is not None and self._shelf.holds(champion.digest):
                self._in_force.remember(key, champion)

    def _missing(self, snapshot: Snapshot) -> Iterator[Report]:
        for key, held in snapshot.assignments.items():
            for version in dict.fromkeys(held.record.versions()):
                record = snapshot.version(version)
                failure = None if record is None else self._shelf.failure(record.digest)
                if record is not None and failure is None:
                    continue
                gates = version == held.record.champion
                earlier = self._in_force.last(PlaceKey(key)) if gates else None
                if earlier is not None and (earlier.version == version or self._shelf.failure(earlier.digest)):
                    earlier = None  # it cannot judge either
                severity: Severity = "error"
                if gates and earlier is None:
                    severity, meanwhile = "critical", "parts wait, no earlier one can judge"
                elif gates and earlier is not None:
                    meanwhile = f"version {earlier.version} judges, which was in force before"
                elif version == held.record.shadow:
                    severity, meanwhile = "warning", "the shadow does not watch"
                else:
                    meanwhile = "the champion judges the canary's parts"
                reason = "it is not registered" if failure is None else failure.reason
                yield Report(
                    "model_not_loaded",
                    severity,
                    f"version {version} is assigned at {key} and cannot be loaded ({meanwhile}): {reason}",
                    subject=f"{key} {version}",
                    hint="mend or sign the bundle, or assign another version; it is tried again by itself",
                    where=PlaceKey(key).named,
                    version=version,
                    digest=None if record is None else record.digest,
                )

    def _look_at_room(self) -> None:
        crowd = self._shelf.crowd
        if crowd is None:
            self._faults.cleared("out_of_memory", "models")
            return
        names, mib = ", ".join(crowd.left_out), 2**20
        told = "each load holds the line up" if crowd.gate else "a rollback takes a load, a shadow does not watch"
        self._faults.raised(
            Report(
                "out_of_memory",
                "error" if crowd.gate else "warning",
                f"the versions at work and their forerunners need {-(-crowd.needed // mib)} MiB and have "
                f"{crowd.budget // mib} MiB: {names} not held ({told})",
                subject="models",
                hint="raise score.cache_mib, or give plants to other workers",
            )
        )

    def _look_at_store(self, snapshot: Snapshot) -> None:
        records = snapshot.assigned_versions()
        urgent = self._away or any(failure.store_away for failure in self._shelf.failures)
        due = self._looked is None or self._clock() >= self._looked + self._check
        if not records or not (urgent or due):
            return
        self._looked = self._clock()
        try:
            self._store.check(records[0].digest)
        except StoreUnavailable as away:
            self._away = True
            self._faults.raised(
                Report(
                    "store_away",
                    "warning",
                    f"{away}; models in memory and in the local cache go on judging",
                    hint=away.hint or "store.url says where it is",
                )
            )
            return
        except ArtifactMissing:
            pass  # it answers
        self._away = False
        self._faults.cleared("store_away")
