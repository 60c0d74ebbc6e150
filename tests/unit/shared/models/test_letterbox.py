"""Geometry of the input: nothing of the picture is lost, and the padding is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models.letterbox import cells_inside, letterbox, placement
from shared.models.spec import InputSpec

SIDES = st.integers(min_value=1, max_value=400)
INPUTS = st.builds(InputSpec, height=st.integers(32, 96), width=st.integers(32, 96), fit=st.just("pad"))


@given(SIDES, SIDES, INPUTS)
def test_pad_keeps_the_aspect_and_fills_one_side(height: int, width: int, spec: InputSpec) -> None:
    """The box lies inside the input, touches two opposite edges, is centred, and has the crop's shape to a pixel."""
    box = placement(height, width, spec)
    assert box.height == spec.height or box.width == spec.width
    assert 0 <= box.top <= spec.height - box.height
    assert 0 <= box.left <= spec.width - box.width
    assert abs(2 * box.top + box.height - spec.height) <= 1
    assert abs(2 * box.left + box.width - spec.width) <= 1
    scale = min(spec.height / height, spec.width / width)
    assert abs(box.height - height * scale) <= 1
    assert abs(box.width - width * scale) <= 1


def test_stretch_fills_the_input() -> None:
    """No padding, whatever the shape."""
    canvas, box = letterbox(np.full((20, 70, 3), 9, np.uint8), InputSpec(height=64, width=48, fit="stretch"))
    assert canvas.shape == (64, 48, 3)
    assert (box.top, box.left, box.height, box.width) == (0, 0, 64, 48)


def test_padding_repeats_the_edge() -> None:
    """A picture with a red top row and a blue bottom row is padded red above and blue below."""
    image = np.zeros((32, 64, 3), np.uint8)
    image[:16, :, 0] = 200
    image[16:, :, 2] = 200
    canvas, box = letterbox(image, InputSpec(height=64, width=64))
    assert (box.top, box.height) == (16, 32)
    assert (canvas[:16] == (200, 0, 0)).all()
    assert (canvas[48:] == (0, 0, 200)).all()


@given(st.integers(0, 255), SIDES, SIDES)
def test_a_plain_picture_stays_plain(value: int, height: int, width: int) -> None:
    """Scaling and padding add nothing of their own."""
    canvas, _ = letterbox(np.full((height, width, 3), value, np.uint8), InputSpec(height=48, width=64))
    assert (canvas == value).all()


def test_shrinking_averages_and_does_not_alias() -> None:
    """A one-pixel checkerboard shrunk eightfold is grey, not a pattern."""
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    canvas, _ = letterbox(np.repeat(board[:, :, None], 3, axis=2), InputSpec(height=64, width=64))
    assert np.abs(canvas.astype(int) - 127).max() <= 1


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_what_is_no_picture_is_refused(image: np.ndarray) -> None:
    """One clear error."""
    with pytest.raises(ValueError, match=r"a crop is \(H, W, 3\) uint8 RGB"):
        letterbox(image, InputSpec())


@given(SIDES, SIDES)
def test_cells_inside_are_those_that_touch_the_box(height: int, width: int) -> None:
    """As counted cell by cell."""
    spec = InputSpec(height=64, width=96)
    box = placement(height, width, spec)
    boxes = np.array([[box.top, box.left, box.height, box.width]])
    inside = cells_inside(boxes, (8, 12), spec)[0]
    for row in range(8):
        for column in range(12):
            touches = (
                row * 8 < box.top + box.height
                and (row + 1) * 8 > box.top
                and column * 8 < box.left + box.width
                and (column + 1) * 8 > box.left
            )
            assert inside[row, column] == touches


def test_views_and_read_only_pictures_are_welcome() -> None:
    """As slicing and Pillow make them; the picture itself is never written to."""
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    frozen = image.copy()
    frozen.flags.writeable = False
    expected, _ = letterbox(image, InputSpec(height=64, width=64))
    for view in (frozen, image[::-1][::-1], np.asfortranarray(image)):
        np.testing.assert_array_equal(letterbox(view, InputSpec(height=64, width=64))[0], expected)
    np.testing.assert_array_equal(image, frozen)
