"""The models a score worker holds in memory: loaded by version, verified by digest, least recently used out."""

import threading
from collections import OrderedDict

import structlog

from shared.models.bundle import LoadedModel, read_bundle
from shared.models.extractor import ExtractorPool
from shared.registry.records import VersionRecord
from shared.registry.snapshot import Snapshot
from shared.store import ArtifactStore

_log = structlog.get_logger(__name__)


class ModelShelf:
    """Loaded models by digest, within a memory budget. Backbones are shared through the pool.

    Thread-safe: loading happens under a lock, and a loaded model is never changed.
    """

    def __init__(self, store: ArtifactStore, pool: ExtractorPool, *, budget_mib: int) -> None:
        self._store = store
        self._pool = pool
        self._budget = budget_mib * 2**20
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self._bytes: dict[str, int] = {}
        self._lock = threading.Lock()

    def get(self, record: VersionRecord) -> LoadedModel:
        """The model of a version.

        Raises:
            StoreUnavailable, ArtifactMissing, ArtifactCorrupt: the bundle cannot be had now.
            BundleRejected: the bundle is not what its digest or its format promises.
        """
        with self._lock:
            model = self._models.get(record.digest)
            if model is None:
                model = read_bundle(self._store.fetch(record.digest), self._pool, expect=record.digest)
                self._models[record.digest] = model
                self._bytes[record.digest] = sum(tensor.nbytes for tensor in model.model.tensors().values())
                _log.info("model loaded", version=record.version, digest=record.digest, kind=record.kind)
                self._evict(keep=record.digest)
            self._models.move_to_end(record.digest)
            return model

    def warm(self, snapshot: Snapshot) -> None:
        """Load every version that the snapshot assigns, so that the first part does not wait for it."""
        for record in snapshot.assigned_versions():
            self.get(record)

    def _evict(self, keep: str) -> None:
        for digest in list(self._models):
            if digest == keep or sum(self._bytes.values()) <= self._budget:
                continue
            del self._models[digest], self._bytes[digest]
            _log.info("model evicted", digest=digest)
