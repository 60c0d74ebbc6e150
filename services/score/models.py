"""The models a score worker holds in memory: loaded by version, verified by digest, least recently used out."""

import threading
import time
from collections import OrderedDict
from typing import Final

import structlog

from shared.models.bundle import BundleRejected, LoadedModel, read_bundle
from shared.models.extractor import ExtractorPool
from shared.models.weights import WeightsMismatch, WeightsNotFound
from shared.registry.records import VersionRecord
from shared.registry.snapshot import Snapshot
from shared.store import ArtifactCorrupt, ArtifactMissing, ArtifactStore, StoreUnavailable

MODEL_FAULTS: Final = (
    StoreUnavailable,
    ArtifactMissing,
    ArtifactCorrupt,
    BundleRejected,
    WeightsNotFound,
    WeightsMismatch,
)
"""Why an assigned version may not be loadable: all of them ours to repair, none of them the part's fault."""
_log = structlog.get_logger(__name__)


class ModelShelf:
    """Loaded models by digest, within a memory budget. Backbones are shared through the pool.

    Thread-safe. Loads take turns, but a model that is on the shelf is handed out at once while another one loads.
    """

    def __init__(self, store: ArtifactStore, pool: ExtractorPool, *, budget_mib: int) -> None:
        self._store = store
        self._pool = pool
        self._budget = budget_mib * 2**20
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self._bytes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    def get(self, record: VersionRecord) -> LoadedModel:
        """The model of a version.

        Raises:
            One of `MODEL_FAULTS`: the model cannot be had now, and nothing on the shelf has changed.
        """
        model = self._held(record.digest)
        if model is None:
            with self._loading:
                model = self._held(record.digest) or self._load(record)
        return model

    def warm(self, snapshot: Snapshot) -> None:
        """Load every version that the snapshot assigns, so that the first part does not wait for it.

        A version that cannot be loaded is logged; the parts that need it will wait, the others will not.
        """
        for record in snapshot.assigned_versions():
            try:
                self.get(record)
            except MODEL_FAULTS as fault:
                _log.error("model not loaded", version=record.version, digest=record.digest, reason=str(fault))

    def _held(self, digest: str) -> LoadedModel | None:
        with self._lock:
            model = self._models.get(digest)
            if model is not None:
                self._models.move_to_end(digest)
            return model

    def _load(self, record: VersionRecord) -> LoadedModel:
        started = time.perf_counter()
        model = read_bundle(self._store.fetch(record.digest), self._pool, expect=record.digest)
        seconds = time.perf_counter() - started
        with self._lock:
            self._models[record.digest] = model
            self._bytes[record.digest] = sum(tensor.nbytes for tensor in model.model.tensors().values())
            self._evict(keep=record.digest)
        _log.info("model loaded", version=record.version, kind=record.kind, digest=record.digest, seconds=seconds)
        return model

    def _evict(self, keep: str) -> None:
        for digest in list(self._models):
            if digest == keep or sum(self._bytes.values()) <= self._budget:
                continue
            del self._models[digest], self._bytes[digest]
            _log.info("model evicted", digest=digest)
