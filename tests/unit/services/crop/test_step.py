"""The crop step with the shipped networks and a fixed registry state."""

import io
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from services.crop.references import ReferenceShelf
from services.crop.step import CropStep
from shared.bus.step import DeadLetter, Emit, Result, Retry
from shared.cropping import Cropper
from shared.events import PartCrop, PartImage
from shared.images import decode, encode_png
from shared.models.base import Image
from shared.models.detector import Detection, LabelDetector
from shared.models.memory import MemoryRoom
from shared.pixels import PixelSource, PixelsUnavailable
from shared.registry.records import StationConfig
from shared.registry.snapshot import HeldStation, Snapshot
from shared.settings.sections import ImageSettings, StoreSettings
from shared.store import ArtifactStore
from tests.unit.faults import Told
from tests.unit.services.events import photo, picture
from tests.unit.shared.labels import HEIGHT, WIDTH, label, packed, reference

LIMITS = ImageSettings()


@pytest.fixture(scope="module")
def cropper() -> Cropper:
    """The networks that ship."""
    return Cropper.load()


def make_step(
    cropper: Cropper,
    *,
    source: PixelSource | None = None,
    known: bool = True,
    store: ArtifactStore | None = None,
    **stations: StationConfig,
) -> CropStep:
    """The step; keyword `munich` configures every station of that plant, and others search for a label."""
    held = {f"{plant}/*/*/*/*": HeldStation(revision=1, record=record) for plant, record in stations.items()}
    state = Snapshot(revision=1, stations=held) if known else None
    shelf = ReferenceShelf(store or ArtifactStore(StoreSettings(url="memory://none", cache_dir=Path("/nonexistent"))))
    return CropStep(
        cropper, source=source or PixelSource(LIMITS), limits=LIMITS, snapshot=lambda: state, references=shelf
    )


def crops_of(results: list[Result]) -> list[PartCrop]:
    """The one crop event of each result."""
    crops = []
    for result in results:
        assert isinstance(result, Emit), result
        (event,) = result.events
        assert isinstance(event, PartCrop)
        crops.append(event)
    return crops


def test_a_full_frame_keeps_its_shape(cropper: Cropper) -> None:
    """Shrunk to fit inside the station's size, never stretched, never enlarged."""
    step = make_step(cropper, munich=StationConfig(policy="full_frame", height=100, width=100))
    tall = photo("tall", pixels=encode_png(picture(1, 400, 200)))
    small = photo("small", pixels=encode_png(picture(2, 30, 60)))
    first, second = crops_of(step([tall, small]))
    assert first.pixels is not None
    assert second.pixels is not None
    assert decode(first.pixels, LIMITS).shape == (100, 50, 3)
    np.testing.assert_array_equal(decode(second.pixels, LIMITS), picture(2, 30, 60))
    assert first.presence.result == "skipped"
    assert first.corners == ((0, 0), (200, 0), (200, 400), (0, 400))


def test_a_region_of_interest_is_cut(cropper: Cropper) -> None:
    """The polygon's fractions are taken of the photo's own size."""
    image = np.zeros((100, 200, 3), np.uint8)
    image[25:75, 50:150] = 200
    polygon = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
    step = make_step(cropper, munich=StationConfig(policy="roi", polygon=polygon, height=50, width=100))
    (crop,) = crops_of(step([photo(pixels=encode_png(image))]))
    assert crop.pixels is not None
    pixels = decode(crop.pixels, LIMITS)
    assert pixels.shape == (50, 100, 3)
    assert (pixels[2:-2, 2:-2] == 200).all()


def test_a_photo_without_a_label_is_news_not_an_error(cropper: Cropper) -> None:
    """The crop event says that nothing was found, with the detector's best confidence."""
    grey = np.full((240, 320, 3), 120, np.uint8)
    (crop,) = crops_of(make_step(cropper)([photo(pixels=encode_png(grey))]))
    assert crop.presence.result == "fail"
    assert crop.presence.threshold == 0.5
    assert crop.pixels is None
    assert crop.policy == "mask_rcnn"


def test_identity_time_and_trace_travel_on(cropper: Cropper) -> None:
    """A crop is about the same part, and its id follows from the photo's."""
    step = make_step(cropper, munich=StationConfig(policy="full_frame"))
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    event = photo("x", station="st-4", layout="us", camera="mobile", traceparent=trace)
    (crop,) = crops_of(step([event]))
    assert crop.carried() == event.carried()
    assert crop.image == event.id
    assert crops_of(step([event]))[0].id == crop.id
    assert crop.timings.decode is not None
    assert crop.timings.crop is not None


def test_a_crop_says_where_its_photo_lies(cropper: Cropper) -> None:
    """As far as the photo was read from a topic."""
    step = make_step(cropper, munich=StationConfig(policy="full_frame"))
    read, made = crops_of(step([photo("x").lying_at(3, 41), photo("y")]))
    assert (read.photoat, made.photoat) == ("3@41", None)


def _truncated() -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(picture(1, 128, 128)).save(buffer, "JPEG")
    return buffer.getvalue()[:-400]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: photo("bad", pixels=b"GIF89a nonsense"), "not a JPEG"),
        (lambda: photo("bad", pixels=_truncated(), mediatype="image/jpeg"), "damaged"),
        (
            lambda: photo("bad", pixels=None, dataref="file:///etc/passwd", datasha256="0" * 64, datasize=9),
            "images.dataref_roots",
        ),
    ],
)
def test_bad_input_is_a_dead_letter_and_its_neighbours_go_on(
    cropper: Cropper, make: Callable[[], PartImage], words: str
) -> None:
    """One bad photo costs nothing but itself, and the reason can be read."""
    step = make_step(cropper, munich=StationConfig(policy="full_frame"))
    first, bad, last = step([photo("1"), make(), photo("2")])
    assert isinstance(first, Emit)
    assert isinstance(last, Emit)
    assert isinstance(bad, DeadLetter)
    assert words in bad.reason
    assert "\n" not in bad.reason


class _Away(PixelSource):
    """An image store that is down."""

    def read(self, event: object) -> bytes:  # noqa: ARG002 - the source's own signature
        raise PixelsUnavailable("the image store does not answer")


def test_an_image_store_that_is_down_holds_the_photo_back(cropper: Cropper) -> None:
    """Our fault is back-pressure: a fault never throws parts away."""
    step = make_step(cropper, source=_Away(LIMITS), munich=StationConfig(policy="full_frame"))
    (result,) = step([photo()])
    assert isinstance(result, Retry)
    assert "does not answer" in result.reason


def test_before_the_registry_was_seen_everything_waits(cropper: Cropper) -> None:
    """No crop policy is known, so none is guessed."""
    assert all(isinstance(result, Retry) for result in make_step(cropper, known=False)([photo("1"), photo("2")]))


def test_a_camera_whose_clock_is_off_is_said_in_the_timings(cropper: Cropper) -> None:
    """The photo goes on; one whose clock is right has nothing to say."""
    step = make_step(cropper, munich=StationConfig(policy="full_frame"))
    good = photo("1")
    ahead = good.model_copy(update={"id": "ahead", "captured": good.time + timedelta(hours=2)})
    first, second = crops_of(step([good, ahead]))
    assert first.timings.clock_skew is None
    assert second.timings.clock_skew == pytest.approx(7_200_000)
    assert second.captured == ahead.captured


def test_photos_that_do_not_fit_in_memory_at_once_are_searched_in_parts(cropper: Cropper) -> None:
    """Each gets the crop that it gets in one piece."""
    told, sizes = Told(), []
    detect = cropper._detector.detect

    class SmallCard:
        """A device on which at most two photos fit at once."""

        def detect(self, images: Sequence[Image]) -> list[Detection | None]:
            """Detections, or no memory."""
            sizes.append(len(images))
            if len(images) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return detect(images)

    small = Cropper(cast("LabelDetector", SmallCard()), cropper._orientation, MemoryRoom(told, name="label detection"))
    photos = [photo(str(n), pixels=encode_png(picture(n, 120, 160))) for n in range(5)]
    whole, parts = crops_of(make_step(cropper)(photos)), crops_of(make_step(small)(photos))
    assert sizes == [5, 2, 2, 1]
    assert [one.presence for one in parts] == [one.presence for one in whole]
    assert told.kinds == ["out_of_memory"]


def test_a_missing_reference_holds_photos_back_until_it_is_there(cropper: Cropper, tmp_path: Path) -> None:
    """It is our fault, not the part's: nothing is judged by a crop that lies elsewhere; others go on meanwhile."""
    store = ArtifactStore(StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache"))
    station = StationConfig(height=HEIGHT, width=WIDTH, reference=reference().digest)
    step = make_step(cropper, store=store, munich=station, puebla=StationConfig(policy="full_frame"))
    event = photo("us", pixels=encode_png(label(1).image))
    held, other = step([event, photo("other", plant="puebla")])
    assert isinstance(held, Retry)
    assert "crop reference" in held.reason
    assert isinstance(other, Emit)
    store.put_bytes(packed())
    (crop,) = crops_of(step([event]))
    assert crop.registered is True
    assert crop.reference == reference().digest
    assert crop.corners is not None
    assert np.linalg.norm(np.array(crop.corners) - label(1).polygon, axis=1).max() < 20


def test_an_unusable_reference_holds_photos_back(cropper: Cropper, tmp_path: Path) -> None:
    """A station that names some other artifact is repaired by a person; no photo is thrown away for it."""
    store = ArtifactStore(StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache"))
    station = StationConfig(reference=store.put_bytes(b"some bundle"))
    (held,) = make_step(cropper, store=store, munich=station)([photo()])
    assert isinstance(held, Retry)
    assert "no crop reference" in held.reason


def test_without_a_reference_nothing_is_said_of_it(cropper: Cropper) -> None:
    """Neither true nor false."""
    (crop,) = crops_of(make_step(cropper)([photo("us", pixels=encode_png(label(1).image))]))
    assert crop.registered is None
    assert crop.reference is None


def test_a_label_of_another_layout_is_cropped_by_its_mask(cropper: Cropper, tmp_path: Path) -> None:
    """And the event says that it was not registered."""
    store = ArtifactStore(StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache"))
    station = StationConfig(height=HEIGHT, width=WIDTH, reference=store.put_bytes(packed()))
    event = photo("gb", pixels=encode_png(label(1, layout="gb").image))
    (crop,) = crops_of(make_step(cropper, store=store, munich=station)([event]))
    (plain,) = crops_of(make_step(cropper, munich=station.model_copy(update={"reference": None}))([event]))
    assert crop.registered is False
    assert crop.pixels == plain.pixels
    assert crop.corners == plain.corners
