"""Measuring the detector on photos with boxed VINs."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.detector.evaluate import Found, contained, rates, read_split, slanted_text
from training.detector.gallery import pixelate, write_gallery


def _box(left: float, top: float, right: float, bottom: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


@pytest.mark.parametrize(
    ("quad", "share"),
    [
        (_box(0, 0, 100, 100), 1.0),
        (_box(30, 0, 100, 100), 0.75),
        (_box(60, 60, 100, 100), 0.0),
        (np.array([(20, 20), (60, 20), (60, 40), (20, 20)], np.float32), 0.5),
    ],
)
def test_contained_is_an_area_share(quad: np.ndarray[tuple[int, int], np.dtype[np.float32]], share: float) -> None:
    """The share of the box inside the quadrilateral, by area."""
    assert contained(quad, _box(20, 20, 60, 40)) == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("angle", [-0.4, -0.1, 0.0, 0.3])
def test_slanted_text_fills_its_box(angle: float) -> None:
    """From the box around a slanted text and its direction the text comes back."""
    unit, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
    text = np.array([100, 80]) + signs[:, :1] * 90 * unit + signs[:, 1:] * 12 * across
    low, high = text.min(axis=0), text.max(axis=0)
    label = np.asarray((text - (100, 80)) * 1.5 + (100, 80), np.float32)
    assert np.allclose(slanted_text(_box(low[0], low[1], high[0], high[1]), label), text, atol=0.01)


def test_a_square_box_is_no_slanted_text() -> None:
    """Where no long text fits the box at that angle, the box itself counts."""
    box = _box(0, 0, 40, 10)
    assert np.array_equal(slanted_text(box, np.array([(0, 0), (10, 10), (5, 15), (-5, 5)], np.float32)), box)


def test_rates_count_hits() -> None:
    """Photos without detection count as misses."""
    box = _box(0, 0, 10, 10)
    results = [
        Found(Path("a"), box, box, 0.9, 1.0, 1.0),
        Found(Path("b"), box, box, 0.9, 0.85, 0.95),
        Found(Path("c"), box, None, 0.0, 0.0, 0.0),
        Found(Path("d"), box, box, 0.9, 0.9, 0.9),
    ]
    summary = rates(results)
    assert (summary.photos, summary.contained, summary.contained_text, summary.detected) == (4, 0.5, 0.75, 0.75)


def _split(folder: Path) -> Path:
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    rng = np.random.default_rng(0)
    for name, rows in (("one", "0 0.5 0.5 0.4 0.2\n"), ("two", "0 0.5 0.5 0.4 0.2\n0 0.1 0.1 0.1 0.1\n")):
        cv2.imwrite(str(folder / "images" / f"{name}.png"), rng.integers(0, 255, (50, 100, 3), dtype=np.uint8))
        (folder / "labels" / f"{name}.txt").write_text(rows)
    return folder


def test_read_split_scales_boxes_and_skips_doubles(tmp_path: Path) -> None:
    """Relative boxes become pixels; a photo with two boxes has no single answer and is left out."""
    photos = list(read_split(_split(tmp_path)))
    assert [path.name for path, _ in photos] == ["one.png"]
    assert np.allclose(photos[0][1], _box(30, 20, 70, 30))


def test_missing_folder_is_named(tmp_path: Path) -> None:
    """A folder of another shape is refused with what was expected."""
    with pytest.raises(FileNotFoundError, match="expected images/ and labels/"):
        list(read_split(tmp_path))


def test_gallery_hides_the_vin(tmp_path: Path) -> None:
    """Inside the box, fine detail is gone; outside, nothing changed."""
    path, box = next(iter(read_split(_split(tmp_path))))
    image = np.random.default_rng(1).integers(0, 255, (50, 100, 3), dtype=np.uint8)
    hidden = image.copy()
    pixelate(hidden, box)
    inside = hidden[20:30, 30:70].astype(float)
    assert (
        np.abs(np.diff(inside, axis=1)).mean() < 0.5 * np.abs(np.diff(image[20:30, 30:70].astype(float), axis=1)).mean()
    )
    assert np.array_equal(hidden[:15], image[:15])
    written = write_gallery(tmp_path / "out" / "g.png", [Found(path, box, None, 0.0, 0.0, 0.0)])
    assert cv2.imread(str(written)) is not None
