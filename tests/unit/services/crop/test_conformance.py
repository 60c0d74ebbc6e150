"""The crop step behaves as every step must."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from services.crop.references import ReferenceShelf
from services.crop.step import CropStep
from shared.cropping import Cropper
from shared.events import Event
from shared.images import encode_png
from shared.pixels import PixelSource
from shared.registry.records import StationConfig
from shared.registry.snapshot import HeldStation, Snapshot
from shared.settings.sections import ImageSettings, StoreSettings
from shared.store import ArtifactStore
from tests.unit.conformance import StepConformance
from tests.unit.services.events import photo
from training.studio.photo import photograph


@pytest.fixture(scope="module")
def cropper() -> Cropper:
    """The networks that ship."""
    return Cropper.load()


@pytest.fixture(scope="module")
def labels() -> list[bytes]:
    """Two photos that show a label."""
    return [encode_png(photograph(seed, layout="us", camera="stationary").image) for seed in (1, 2)]


class TestCropStep(StepConformance):
    """With photos of two policies in one batch."""

    @pytest.fixture
    def step(self, cropper: Cropper, tmp_path: Path) -> CropStep:
        """Plant munich searches for the label, puebla takes the full frame."""
        full = HeldStation(revision=1, record=StationConfig(policy="full_frame"))
        limits = ImageSettings()
        state = Snapshot(revision=1, stations={"puebla/*/*/*/*": full})
        shelf = ReferenceShelf(ArtifactStore(StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache")))
        return CropStep(cropper, source=PixelSource(limits), limits=limits, snapshot=lambda: state, references=shelf)

    @pytest.fixture
    def events(self, labels: list[bytes]) -> Sequence[Event]:
        """A label, a full frame, another label."""
        return [photo("1", pixels=labels[0]), photo("22", plant="puebla"), photo("333", pixels=labels[1])]

    @pytest.fixture
    def bad_event(self) -> Event:
        """No picture."""
        return photo("bad", pixels=b"no picture")
