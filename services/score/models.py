"""The models a score worker holds in memory: loaded by version, verified by digest and signature, warmed up, and given
up in the order of what they are worth to the line. A version that cannot be loaded is remembered with the reason, and
tried again at growing intervals.
"""  # noqa: D205 - one sentence

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.score.failure import Failure, ModelNotLoaded, failed
from services.score.lanes import Lanes
from services.score.model_metrics import ModelMetrics
from services.score.rank import Crowd, Rank, Wanted
from shared.errors import LinegateError
from shared.models.bundle import LoadedModel, parse_bundle
from shared.models.extractor import ExtractorPool
from shared.models.self_check import warm_up
from shared.registry.records import VersionRecord
from shared.signing import Trust, verify_artifact
from shared.store import ArtifactStore

_END_S: Final = 5.0
"""Loads under way may delay the end of a process by this much."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Load:
    """A load that waits for its turn, or is under way."""

    record: VersionRecord
    future: "Future[LoadedModel]" = field(default_factory=Future)
    begun: threading.Event = field(default_factory=threading.Event)
    deadline: float | None = None
    """Until when it is waited for, in the shelf's clock; None while it waits for its turn."""


class ModelShelf:
    """Loaded models by digest, within a memory budget. Backbones are shared through the pool, and not counted.

    Thread-safe. Loads run in threads of their own; a model that is on the shelf is handed out at once.

    Args:
        store: where bundles come from.
        pool: where their extractors come from.
        budget_mib: memory for models. A single one that is larger is held all the same.
        trust: who must have signed a bundle.
        load_wait_s: after so many seconds a load counts as failed; it goes on, and counts again when it is done.
        metrics: told of loads, of what is held, and of versions at work that had to go.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        store: ArtifactStore,
        pool: ExtractorPool,
        *,
        budget_mib: int,
        trust: Trust | None = None,
        load_wait_s: float = 20.0,
        metrics: ModelMetrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._pool = pool
        self._budget = budget_mib * 2**20
        self._trust = trust or Trust()
        self._load_wait = load_wait_s
        self._metrics = metrics or ModelMetrics()
        self._clock = clock
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self._sizes: dict[str, int] = {}
        """Bytes of each model that is held, or is wanted and was loaded once."""
        self._wanted: dict[str, Wanted] = {}
        self._failures: dict[str, Failure] = {}
        self._loads: dict[str, _Load] = {}
        self._lock = threading.Lock()
        self._lanes = Lanes("model-loader")
        self._listeners: list[Callable[[], None]] = []

    def listen(self, ended: Callable[[], None]) -> None:
        """Have `ended` called, from a loader's thread, whenever a load has ended, well or not."""
        self._listeners.append(ended)

    def want(self, wanted: Mapping[str, Wanted]) -> None:
        """These versions, by digest, should be in memory: begin to load what is not, as far as it fits.

        Failures of all others are forgotten. Returns at once.
        """
        with self._lock:
            self._wanted = dict(wanted)
            self._failures = {digest: failure for digest, failure in self._failures.items() if digest in wanted}
            self._sizes = {d: size for d, size in self._sizes.items() if d in wanted or d in self._models}
            fitting = self._fitting()
            for digest, each in wanted.items():
                if digest in fitting and digest not in self._models and digest not in self._failures:
                    self._submit(each.record)

    def settled(self, digest: str) -> bool:
        """Whether no load of the version is waited for: it is held, it failed, or there is no room to hold it."""
        with self._lock:
            if digest in self._models or self._failure(digest) is not None:
                return True
            return digest in self._sizes and digest not in self._loads

    def held(self, record: VersionRecord) -> LoadedModel | None:
        """The model of a version if it is in memory; never waits."""
        with self._lock:
            return self._held(record.digest)

    def holds(self, digest: str) -> bool:
        """Whether a version is in memory. Does not count as use."""
        with self._lock:
            return digest in self._models

    def get(self, record: VersionRecord) -> LoadedModel:
        """The model of a version, loaded now where it is not in memory.

        A version that could not be loaded before is refused at once: `retry` is for another attempt.

        Raises:
            ModelNotLoaded: it cannot be had now.
        """
        with self._lock:
            model = self._held(record.digest)
            if model is not None:
                return model
            failure = self._failures.get(record.digest)
            if failure is not None:
                raise ModelNotLoaded(failure.reason)
            load = self._submit(record)
        try:
            # A load that hangs is waited for once, not by every part anew.
            return load.future.result(self._patience(load))
        except FutureTimeoutError:
            raise ModelNotLoaded(self._overdue) from None
        except CancelledError:
            raise ModelNotLoaded("the worker ends") from None

    def wait(self) -> None:
        """Wait for the loads under way, each until it counts as failed."""
        with self._lock:
            loads = list(self._loads.values())
        for load in loads:
            self._wait(load)

    def failure(self, digest: str) -> Failure | None:
        """Why a version is not loaded; None where it is, was not tried, or may be loaded any moment."""
        with self._lock:
            return self._failure(digest)

    @property
    def failures(self) -> list[Failure]:
        """All versions that could not be loaded."""
        with self._lock:
            return list(self._failures.values())

    @property
    def crowd(self) -> Crowd | None:
        """What does not fit; None where everything that is wanted does."""
        with self._lock:
            fitting = self._fitting()
            left = [each for digest, each in self._wanted.items() if digest not in fitting]
            if not left:
                return None
            needed = sum(self._sizes.get(digest, 0) for digest in self._wanted)
            names = tuple(each.record.version for each in left)
            return Crowd(any(each.rank == Rank.GATE for each in left), names, needed, self._budget)

    def retry(self) -> None:
        """Try again to load what could not be loaded, as far as it is due, and wait for that."""
        with self._lock:
            loads = [self._submit(f.record) for f in self._failures.values() if self._clock() >= f.due]
        for load in loads:
            self._wait(load)

    def close(self) -> None:
        """Load nothing more."""
        with self._lock:
            loads = list(self._loads.values())
        for load in loads:
            if load.future.cancel():
                load.begun.set()
        self._lanes.close(_END_S)

    @property
    def _overdue(self) -> str:
        return f"it is still being loaded after {self._load_wait:g} s"

    def _held(self, digest: str) -> LoadedModel | None:
        model = self._models.get(digest)
        if model is not None:
            self._models.move_to_end(digest)
        return model

    def _failure(self, digest: str) -> Failure | None:
        load = self._loads.get(digest)
        late = load is not None and load.deadline is not None and self._clock() >= load.deadline
        if late and digest not in self._failures and load is not None and load.deadline is not None:
            return Failure(load.record, self._overdue, store_away=False, pause_s=0.0, due=load.deadline)
        return self._failures.get(digest)

    def _patience(self, load: _Load) -> float:
        """Wait for its turn, which comes soon whatever hangs; answers how long it is waited for from then on."""
        load.begun.wait(self._load_wait)
        return self._load_wait if load.deadline is None else max(0.0, load.deadline - self._clock())

    def _wait(self, load: _Load) -> None:
        try:
            load.future.exception(self._patience(load))
        except (FutureTimeoutError, CancelledError):
            return

    def _submit(self, record: VersionRecord) -> _Load:
        load = self._loads.get(record.digest)
        if load is None:
            load = self._loads[record.digest] = _Load(record)
            if not self._lanes.submit(lambda: self._run(load)):
                load.future.cancel()
                load.begun.set()
        return load

    def _run(self, load: _Load) -> None:
        if not load.future.set_running_or_notify_cancel():
            return
        load.deadline = self._clock() + self._load_wait
        load.begun.set()
        try:
            model = self._load(load.record)
        except Exception as error:  # noqa: BLE001
            # Whatever it is (a fault of ours, no memory for it, a bundle that breaks its reader): what is in force
            # stays in force.
            failure = self._failed(load.record, error)
            load.future.set_exception(ModelNotLoaded(failure.reason))
        else:
            load.future.set_result(model)
        for ended in self._listeners:
            ended()

    def _load(self, record: VersionRecord) -> LoadedModel:
        started = time.perf_counter()
        verify_artifact(self._store, record.digest, self._trust)
        data = self._store.read(record.digest)
        model = parse_bundle(data, self._pool, name=f"version {record.version}", expect=record.digest)
        warm_up(model)
        size = sum(tensor.nbytes for tensor in model.model.tensors().values())
        seconds = time.perf_counter() - started
        with self._lock:
            self._models[record.digest] = model
            self._sizes[record.digest] = size
            self._failures.pop(record.digest, None)
            self._loads.pop(record.digest, None)
            self._make_room()
        self._metrics.loaded(record.version, seconds)
        _log.info("model loaded", version=record.version, kind=record.kind, digest=record.digest, seconds=seconds)
        return model

    def _failed(self, record: VersionRecord, error: Exception) -> Failure:
        with self._lock:
            before = self._failures.get(record.digest)
            failure = self._failures[record.digest] = failed(record, error, before=before, now=self._clock())
            self._loads.pop(record.digest, None)
        if before is None or before.reason != failure.reason:
            _log.error(
                "model not loaded",
                version=record.version,
                digest=record.digest,
                reason=failure.reason,
                exc_info=None if isinstance(error, LinegateError) else error,
            )
        return failure

    def _rank(self, digest: str) -> Rank:
        wanted = self._wanted.get(digest)
        return Rank.UNASSIGNED if wanted is None else wanted.rank

    def _fitting(self) -> set[str]:
        """What is worth loading: all that is not known to be too much, the most valuable first."""
        left, fitting = self._budget, set[str]()
        for digest, each in sorted(self._wanted.items(), key=lambda item: -item[1].rank):
            size = self._sizes.get(digest, 0)
            if size <= left or (each.rank == Rank.GATE and not fitting):
                fitting.add(digest)
                left -= size
        return fitting

    def _make_room(self) -> None:
        """Give up the least valuable, of those the least recently used, until the rest fits; never the last one."""
        while len(self._models) > 1 and sum(self._sizes[digest] for digest in self._models) > self._budget:
            digest = min(self._models, key=self._rank)
            rank = self._rank(digest)
            del self._models[digest]
            if rank >= Rank.SHADOW:
                self._metrics.thrashed()
            if digest not in self._wanted:
                del self._sizes[digest]
            _log.info("model evicted", digest=digest, rank=rank.name.lower())
        self._metrics.holds(len(self._models), sum(self._sizes[digest] for digest in self._models))
