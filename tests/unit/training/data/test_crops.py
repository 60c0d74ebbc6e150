"""Cropping labelled photos: policies, masks, the bounded cache."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.images import encode_png
from shared.registry.records import StationConfig
from tests.unit.training.pictures import photo, write_photos
from training.data.crops import Crops
from training.data.sample import DataRejected, Sample

STATION = StationConfig(policy="full_frame", height=64, width=64)


def _sample(pixels: np.ndarray, mask: np.ndarray | None = None, **fields: object) -> Sample:
    drawn = None if mask is None else encode_png(mask.astype(np.uint8) * 255)
    return Sample(
        name=str(fields.pop("name", "one")),
        source=lambda: encode_png(pixels),
        label="good" if mask is None else "damaged",
        mask=None if drawn is None else lambda: drawn,
        **fields,  # type: ignore[arg-type]  # fields of Sample
    )


def test_none_takes_pictures_as_they_are() -> None:
    """Finished crops and their masks pass pixel for pixel, whatever the station's size."""
    pixels, mask = photo(3, damaged=True, size=(80, 100))
    (crop,) = Crops("none", STATION).stream([_sample(pixels, mask)], masks=True)
    assert np.array_equal(crop.pixels, pixels)
    assert crop.mask is not None
    assert np.array_equal(crop.mask, mask)


def test_full_frame_shrinks_photo_and_mask_alike() -> None:
    """The mask of a shrunk photo covers the same share of it, and the bright damage lies inside it."""
    pixels, mask = photo(4, damaged=True, size=(128, 128))
    (crop,) = Crops("full_frame", STATION).stream([_sample(pixels, mask)], masks=True)
    assert crop.pixels.shape == (64, 64, 3)
    assert crop.mask is not None
    assert crop.mask.mean() == pytest.approx(mask.mean(), rel=0.25)
    assert crop.pixels[crop.mask].mean() > crop.pixels[~crop.mask].mean() + 50


def test_polygon_crops_by_the_corners_of_the_manifest() -> None:
    """The crop is what lies between the corners, turned into their reading order; its mask turns with it."""
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[20:84, 30:94] = 255
    mask = np.zeros((100, 200), bool)
    mask[20:30, 30:40] = True
    upside_down = ((94, 84), (30, 84), (30, 20), (94, 20))
    (crop,) = Crops("polygon", STATION).stream([_sample(pixels, mask, polygon=upside_down)], masks=True)
    assert crop.pixels.shape == (64, 64, 3)
    assert crop.pixels[2:-2, 2:-2].min() == 255
    assert crop.mask is not None
    assert crop.mask[-8:, -8:].all()
    assert not crop.mask[:40, :40].any()


def test_masks_of_good_undrawn_and_empty() -> None:
    """A good part has no damage anywhere; an undrawn or empty mask of a damaged part is not known."""
    pixels, mask = photo(5, damaged=True)
    crops = Crops("full_frame", STATION)
    undrawn = replace(_sample(pixels, mask), mask=None)
    stream = crops.stream([_sample(pixels), undrawn, _sample(pixels, np.zeros_like(mask))], masks=True)
    good, unknown, empty = [crop.mask for crop in stream]
    assert good is not None
    assert not good.any()
    assert unknown is None
    assert empty is None


def test_what_cannot_be_cropped_is_told_by_name() -> None:
    """No polygon, no picture, or a mask of another size: one line with the sample's name."""
    pixels, mask = photo(6, damaged=True)
    with pytest.raises(DataRejected, match="first has no polygon"):
        list(Crops("polygon", STATION).stream([_sample(pixels, name="first")]))
    broken = Sample("second", lambda: b"no picture", "good")
    with pytest.raises(DataRejected, match="second: not a JPEG"):
        list(Crops("full_frame", STATION).stream([broken]))
    with pytest.raises(DataRejected, match="mask of third is 60 x 48 pixels, its photo 64 x 48"):
        list(Crops("full_frame", STATION).stream([_sample(pixels, mask[:, :60], name="third")], masks=True))
    with pytest.raises(DataRejected, match="cannot read fourth"):
        list(Crops("full_frame", STATION).stream([Sample("fourth", Path("/nowhere.png"), "good")]))


def test_crops_are_the_same_with_any_cache(tmp_path: Path) -> None:
    """A tiny memory, a large one, and a cache folder (cold and warm) give the same pixels in the same order."""
    samples = write_photos(tmp_path / "photos", good=12, damaged=6)
    policy = "full_frame"
    plain = [crop.pixels for crop in Crops(policy, STATION).stream(samples)]
    tiny = Crops(policy, STATION, memory=1)
    for other in (tiny, tiny, *(Crops(policy, STATION, cache=tmp_path / "cache") for _ in range(2))):
        again = [crop.pixels for crop in other.stream(samples)]
        assert all(np.array_equal(a, b) for a, b in zip(plain, again, strict=True))
    assert len(list((tmp_path / "cache").glob("*.npz"))) == len(samples)


def test_a_changed_photo_or_station_is_cropped_anew(tmp_path: Path) -> None:
    """The cache goes by content: neither the file's name nor its date decides."""
    first, second = photo(1, damaged=False)[0], photo(2, damaged=False)[0]
    for pixels, station in ((first, STATION), (second, STATION), (first, STATION.model_copy(update={"width": 32}))):
        cached = Crops("full_frame", station, cache=tmp_path)
        (crop,) = cached.stream([_sample(pixels)])
        (fresh,) = Crops("full_frame", station).stream([_sample(pixels)])
        assert np.array_equal(crop.pixels, fresh.pixels)
    assert len(list(tmp_path.glob("*.npz"))) == 3


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """However many photos stream by, no more crops are held than the limit allows, beyond one batch."""
    samples = write_photos(tmp_path, good=40, damaged=0)
    each = 48 * 64 * 3
    crops = Crops("full_frame", STATION, memory=12 * each)
    for _ in crops.stream(samples):
        assert sum(found.pixels.nbytes for found in crops._held.values() if found) <= 12 * each
