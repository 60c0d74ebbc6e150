"""The models a score worker holds in memory: loaded by version, verified by digest and signature, least recently used
out. A version that cannot be loaded is remembered with the reason, and tried again at growing intervals.
"""  # noqa: D205 - one sentence

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Final

import structlog

from shared.errors import LinegateError
from shared.models.bundle import LoadedModel, parse_bundle
from shared.models.extractor import ExtractorPool
from shared.registry.records import VersionRecord
from shared.signing import Trust, verify_artifact
from shared.store import ArtifactStore, StoreUnavailable

FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 60.0
_log = structlog.get_logger(__name__)


class ModelNotLoaded(LinegateError):
    """A version cannot be used now: ours to repair, not the part's fault. The shelf is as it was."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A version that could not be loaded.

    Attributes:
        record: the version.
        reason: one line.
        store_away: whether the artifact store did not answer.
        pause_s: until the next attempt, from the last one on.
        due: when that is, in the shelf's clock.
    """

    record: VersionRecord
    reason: str
    store_away: bool
    pause_s: float
    due: float


@dataclass(frozen=True, slots=True)
class _Load:
    """A load under way, and until when it is waited for."""

    record: VersionRecord
    future: "Future[LoadedModel]"
    deadline: float


class ModelShelf:
    """Loaded models by digest, within a memory budget. Backbones are shared through the pool.

    Thread-safe. Loads take turns in a thread of their own, but a model that is on the shelf is handed out at once.

    Args:
        store: where bundles come from.
        pool: where their extractors come from.
        budget_mib: memory for models.
        trust: who must have signed a bundle.
        load_wait_s: longest that a load is waited for, by all callers of `get` together; the load itself goes on.
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._pool = pool
        self._budget = budget_mib * 2**20
        self._trust = trust or Trust()
        self._load_wait = load_wait_s
        self._clock = clock
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self._bytes: dict[str, int] = {}
        self._failures: dict[str, Failure] = {}
        self._loads: dict[str, _Load] = {}
        self._lock = threading.Lock()
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="model-loader")

    def get(self, record: VersionRecord) -> LoadedModel:
        """The model of a version.

        A version that could not be loaded before is refused at once: `retry` is for another attempt.

        Raises:
            ModelNotLoaded: it cannot be had now.
        """
        with self._lock:
            model = self._models.get(record.digest)
            if model is not None:
                self._models.move_to_end(record.digest)
                return model
            failure = self._failures.get(record.digest)
            if failure is not None:
                raise ModelNotLoaded(failure.reason)
            load = self._submit(record)
        try:
            # A load that hangs is waited for once, not by every part anew.
            return load.future.result(max(0.0, load.deadline - self._clock()))
        except FutureTimeoutError:
            raise ModelNotLoaded(self._overdue) from None

    def failure(self, digest: str) -> Failure | None:
        """Why a version is not loaded; None where it is, was not tried, or may be loaded any moment."""
        with self._lock:
            load = self._loads.get(digest)
            if digest not in self._failures and load is not None and self._clock() >= load.deadline:
                return Failure(load.record, self._overdue, store_away=False, pause_s=0.0, due=load.deadline)
            return self._failures.get(digest)

    @property
    def failures(self) -> list[Failure]:
        """All versions that could not be loaded."""
        with self._lock:
            return list(self._failures.values())

    def retry(self) -> None:
        """Try again to load what could not be loaded, as far as it is due."""
        with self._lock:
            loads = [self._submit(f.record) for f in self._failures.values() if self._clock() >= f.due]
        wait([load.future for load in loads], self._load_wait)

    def keep_failures(self, digests: Collection[str]) -> None:
        """Forget the failures of all versions but these: nobody wants the others any more."""
        with self._lock:
            self._failures = {digest: failure for digest, failure in self._failures.items() if digest in digests}

    def close(self) -> None:
        """Load nothing more."""
        self._loader.shutdown(wait=False, cancel_futures=True)

    @property
    def _overdue(self) -> str:
        return f"it is still being loaded after {self._load_wait:g} s"

    def _submit(self, record: VersionRecord) -> "_Load":
        load = self._loads.get(record.digest)
        if load is None:
            future = self._loader.submit(self._load, record)
            load = self._loads[record.digest] = _Load(record, future, self._clock() + self._load_wait)
        return load

    def _load(self, record: VersionRecord) -> LoadedModel:
        started = time.perf_counter()
        try:
            verify_artifact(self._store, record.digest, self._trust)
            data = self._store.read(record.digest)
            model = parse_bundle(data, self._pool, name=f"version {record.version}", expect=record.digest)
        except Exception as error:
            # Whatever it is (a fault of ours, no memory for it, a bundle that breaks its reader): what is in force
            # stays in force.
            failure = self._failed(record, error)
            raise ModelNotLoaded(failure.reason) from error
        seconds = time.perf_counter() - started
        with self._lock:
            self._models[record.digest] = model
            self._bytes[record.digest] = sum(tensor.nbytes for tensor in model.model.tensors().values())
            self._failures.pop(record.digest, None)
            self._loads.pop(record.digest, None)
            self._evict(keep=record.digest)
        _log.info("model loaded", version=record.version, kind=record.kind, digest=record.digest, seconds=seconds)
        return model

    def _failed(self, record: VersionRecord, error: Exception) -> Failure:
        known = isinstance(error, LinegateError)
        text = error.line if isinstance(error, LinegateError) else f"{type(error).__name__}: {error}"
        with self._lock:
            before = self._failures.get(record.digest)
            pause = FIRST_RETRY_S if before is None else min(LONGEST_RETRY_S, 2 * before.pause_s)
            failure = Failure(
                record,
                " ".join(text.split())[:500],
                store_away=isinstance(error, StoreUnavailable),
                pause_s=pause,
                due=self._clock() + pause,
            )
            self._failures[record.digest] = failure
            self._loads.pop(record.digest, None)
        if before is None or before.reason != failure.reason:
            _log.error(
                "model not loaded",
                version=record.version,
                digest=record.digest,
                reason=failure.reason,
                exc_info=None if known else error,
            )
        return failure

    def _evict(self, keep: str) -> None:
        for digest in list(self._models):
            if digest == keep or sum(self._bytes.values()) <= self._budget:
                continue
            del self._models[digest], self._bytes[digest]
            _log.info("model evicted", digest=digest)
