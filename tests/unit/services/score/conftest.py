"""What the tests of the score worker load models with."""

import pytest

from shared.models.extractor import ExtractorPool
from shared.settings import StoreSettings
from shared.store import ArtifactStore


@pytest.fixture(scope="module")
def pool() -> ExtractorPool:
    """One pool for the module; random weights are enough, accuracy is not under test."""
    return ExtractorPool(device="cpu")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    """A store in a folder."""
    root = tmp_path_factory.mktemp("store")
    return ArtifactStore(StoreSettings(url=str(root / "store"), cache_dir=root / "cache"))
