"""The crop references that a crop worker holds in memory: by digest, verified, least recently used out."""

import threading
from collections import OrderedDict
from typing import Final

import structlog

from shared.registration_reference import Reference, ReferenceRejected, unpack
from shared.registry.snapshot import Snapshot
from shared.store import ArtifactStore, StoreError

REFERENCE_FAULTS: Final = (StoreError, ReferenceRejected)
"""Why a station's reference may not be had: all of them ours to repair, none of them the part's fault."""
MOST: Final = 64
"""References kept: about a megabyte each."""
_log = structlog.get_logger(__name__)


class ReferenceShelf:
    """Loaded references. Thread-safe: the registry's watcher warms it while the step reads from it."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._held: OrderedDict[str, Reference] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str) -> Reference:
        """The reference of a digest.

        Raises:
            One of `REFERENCE_FAULTS`: it cannot be had now.
        """
        with self._lock:
            held = self._held.get(digest)
            if held is not None:
                self._held.move_to_end(digest)
                return held
        reference = unpack(self._store.fetch(digest).read_bytes())
        # What every photo needs is made here, once, and not by whoever comes first.
        _ = reference.levels, reference.features
        with self._lock:
            self._held[digest] = reference
            while len(self._held) > MOST:
                self._held.popitem(last=False)
        _log.info("crop reference loaded", digest=digest)
        return reference

    def warm(self, snapshot: Snapshot) -> None:
        """Load what the snapshot's stations name. What cannot be loaded is logged; photos that need it will wait."""
        for digest in {held.record.reference for held in snapshot.stations.values()} - {None}:
            try:
                self.get(str(digest))
            except REFERENCE_FAULTS as fault:
                _log.error("crop reference not loaded", digest=digest, reason=str(fault))
