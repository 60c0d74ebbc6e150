"""Maps lie where the picture lies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from shared.models.anomaly_map import anomaly_map, anomaly_maps
from shared.models.letterbox import letterbox, placement
from shared.models.spec import InputSpec

SPEC = InputSpec(height=128, width=128)


@given(st.integers(20, 300), st.integers(20, 300), st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_a_spot_returns_to_its_place(height: int, width: int, down: float, right: float) -> None:
    """A spot in the crop, found by the grid cell it falls into, is the map's maximum within a cell's width."""
    box = placement(height, width, SPEC)
    grid = np.zeros((32, 32), np.float32)
    row = int((box.top + down * box.height) / 4)
    column = int((box.left + right * box.width) / 4)
    grid[row, column] = 1
    made = anomaly_map(grid, np.array([box.top, box.left, box.height, box.width]), np.array([height, width]), SPEC)
    assert made.shape == (height, width)
    assert made.dtype == np.float32
    peak = np.unravel_index(made.argmax(), made.shape)
    tolerance = 4.5 * height / box.height + 1.5
    assert abs(peak[0] + 0.5 - down * height) <= tolerance
    assert abs(peak[1] + 0.5 - right * width) <= tolerance


def test_a_letterboxed_mark_is_found_again() -> None:
    """End to end: the cell of the input that differs maps back onto the mark."""
    image = np.zeros((60, 200, 3), np.uint8)
    image[20:30, 150:160] = 255
    canvas, box = letterbox(image, SPEC)
    grid = canvas.mean(axis=2).reshape(32, 4, 32, 4).mean(axis=(1, 3)).astype(np.float32)
    made = anomaly_map(grid, np.array([box.top, box.left, box.height, box.width]), np.array([60, 200]), SPEC)
    row, column = np.unravel_index(made.argmax(), made.shape)
    assert 18 <= row <= 32
    assert 146 <= column <= 164


def test_unit_and_level_are_kept() -> None:
    """A constant grid is a constant map: no border effect, no rescaling. Padding does not bleed in."""
    grid = np.full((16, 16), 50.0, np.float32)
    grid[4:12] = 3.25
    made = anomaly_map(grid, np.array([40, 0, 48, 128]), np.array([77, 205]), SPEC)
    np.testing.assert_allclose(made, 3.25, rtol=1e-5)


def test_the_blur_is_a_gaussian_of_four_pixels() -> None:
    """Against scipy, on a grid as fine as the input."""
    grid = np.zeros((128, 128), np.float32)
    grid[60, 70] = 1
    made = anomaly_map(grid, np.array([0, 0, 128, 128]), np.array([128, 128]), SPEC)
    expected = ndimage.gaussian_filter(grid.astype(np.float64), 4.0, mode="nearest", truncate=4.0)
    np.testing.assert_allclose(made, expected, atol=2e-5 * expected.max())


def test_maps_only_where_asked() -> None:
    """None for the batch, or None for a crop."""
    grids = np.ones((3, 16, 16), np.float32)
    boxes = np.array([[0, 0, 128, 128]] * 3)
    sizes = np.array([[30, 30]] * 3)
    assert anomaly_maps(grids, boxes, sizes, SPEC, wanted=False) is None
    made = anomaly_maps(grids, boxes, sizes, SPEC, [False, True, False])
    assert made is not None
    assert [m is None for m in made] == [True, False, True]
    with pytest.raises(ValueError, match="2 wishes for maps, but 3 crops"):
        anomaly_maps(grids, boxes, sizes, SPEC, [True, False])
