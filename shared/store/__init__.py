"""The artifact store: model bundles by their sha256, in a folder or any object store that fsspec reaches."""

from shared.store.artifacts import ArtifactStore
from shared.store.errors import ArtifactCorrupt, ArtifactMissing, StoreError, StoreUnavailable

__all__ = ["ArtifactCorrupt", "ArtifactMissing", "ArtifactStore", "StoreError", "StoreUnavailable"]
