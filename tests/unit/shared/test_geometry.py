"""From masks to corners, and from corners to crops."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared import geometry
from shared.geometry import Quad


def _quad(width: float, height: float, turn: float, skew: tuple[float, ...] = (0,) * 8) -> Quad:
    """A rectangle about (200, 150), turned by `turn` radians, its corners moved by `skew`."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, height / 2)
    spin = np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
    moved = corners @ spin + (200, 150) + np.array(skew).reshape(4, 2)
    return np.asarray(moved, np.float32)


def _mask(quad: Quad) -> NDArray[np.bool_]:
    """The pixels of a (300, 400) picture whose centres lie inside a quadrilateral."""
    ys, xs = np.mgrid[0:300, 0:400] + 0.5
    inside = np.ones((300, 400), np.bool_)
    for first, last in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        side = last - first
        inside &= (xs - first[0]) * side[1] - (ys - first[1]) * side[0] <= 0
    return inside


_POSES = st.builds(
    _quad,
    st.floats(60, 220),
    st.floats(40, 120),
    st.floats(-0.6, 0.6),
    st.tuples(*[st.floats(-8, 8)] * 8),
)


@settings(deadline=None, max_examples=60)
@given(_POSES)
def test_corners_come_back_from_the_mask(quad: Quad) -> None:
    """Rasterising a quadrilateral and asking for its corners gives nearly the same quadrilateral."""
    found = geometry.mask_to_quadrilateral(_mask(quad), margin=0)
    assert found is not None
    assert geometry.intersection_over_union(found, quad) > 0.93


@settings(deadline=None, max_examples=40)
@given(_POSES, st.floats(0, 0.05))
def test_the_fit_never_cuts_more_than_it_promises(quad: Quad, margin: float) -> None:
    """However skewed a label is, the quadrilateral covers the share of the mask that `_describes` demands."""
    mask = _mask(quad)
    found = geometry.mask_to_quadrilateral(mask, margin=margin)
    assert found is not None
    assert mask[_mask(found)].sum() >= 0.93 * mask.sum()


def test_the_default_margin_keeps_nearly_every_label_whole() -> None:
    """Of 300 labels, turned and with corners up to 8 pixels off, at least 98 % lie inside by 99.5 %."""
    rng = np.random.default_rng(0)
    whole = 0
    for _ in range(300):
        quad = _quad(rng.uniform(60, 220), rng.uniform(40, 120), rng.uniform(-0.6, 0.6), tuple(rng.uniform(-8, 8, 8)))
        mask = _mask(quad)
        found = geometry.mask_to_quadrilateral(mask)
        assert found is not None
        whole += bool(mask[_mask(found)].sum() >= 0.995 * mask.sum())
    assert whole >= 0.98 * 300


def test_rounded_corners_come_out_square() -> None:
    """A label's rounded corners do not pull the quadrilateral inwards."""
    mask = np.zeros((300, 400), np.uint8)
    cv2.rectangle(mask, (100, 80), (299, 199), 1, -1)
    for x, y in ((100, 80), (299, 80), (299, 199), (100, 199)):
        cx, cy = (120 if x == 100 else 279), (100 if y == 80 else 179)
        mask[min(y, cy) : max(y, cy) + 1, min(x, cx) : max(x, cx) + 1] = 0
    for centre in ((120, 100), (279, 100), (279, 179), (120, 179)):
        cv2.circle(mask, centre, 20, 1, -1)
    found = geometry.mask_to_quadrilateral(mask.astype(np.bool_), margin=0)
    assert found is not None
    expected = np.array([(100, 80), (300, 80), (300, 200), (100, 200)], np.float32)
    assert np.abs(found - expected).max() < 2.5


def test_ragged_border_averages_away() -> None:
    """A mask with a noisy rim still gives the corners within a few pixels."""
    quad = _quad(200, 100, 0.2)
    noise = np.random.default_rng(0).random((300, 400))
    soft = cv2.GaussianBlur(_mask(quad).astype(np.float32), (0, 0), 3) + (noise - 0.5) * 0.3
    found = geometry.mask_to_quadrilateral(soft > 0.5, margin=0)
    assert found is not None
    assert geometry.intersection_over_union(found, quad) > 0.93


def test_largest_component_wins() -> None:
    """Specks beside the label are not part of it."""
    quad = _quad(160, 90, 0.0)
    mask = _mask(quad)
    mask[5:15, 5:15] = True
    found = geometry.mask_to_quadrilateral(mask, margin=0)
    assert found is not None
    assert geometry.intersection_over_union(found, quad) > 0.95


@pytest.mark.parametrize("pixels", [0, 3])
def test_nothing_worth_a_crop(pixels: int) -> None:
    """An empty mask and a speck give no corners."""
    mask = np.zeros((50, 50), np.bool_)
    mask[10 : 10 + pixels, 10 : 10 + pixels] = True
    assert geometry.mask_to_quadrilateral(mask) is None


@given(_POSES, st.integers(0, 3), st.booleans())
def test_order_does_not_depend_on_the_start(quad: Quad, shift: int, mirrored: bool) -> None:
    """Any order of the same corners is brought to the same clockwise order."""
    mixed = np.roll(quad, shift, axis=0)[:: -1 if mirrored else 1]
    ordered = geometry.order_clockwise(np.ascontiguousarray(mixed))
    assert np.allclose(ordered, geometry.order_clockwise(quad))
    assert geometry.signed_area(ordered) > 0
    assert ordered[1, 0] > ordered[0, 0]


@given(_POSES, st.floats(0.0, 0.2))
def test_expand_moves_outwards(quad: Quad, share: float) -> None:
    """A grown quadrilateral contains the old one."""
    grown = geometry.expand(quad, share)
    area = abs(geometry.signed_area(quad))
    assert geometry.intersection_area(grown, quad) == pytest.approx(area, rel=0.01)
    assert abs(geometry.signed_area(grown)) >= area * 0.999


@given(_POSES)
def test_a_quadrilateral_overlaps_itself_wholly(quad: Quad) -> None:
    """Coinciding polygons are the common case of a good detection, and OpenCV's own routine fails on them."""
    assert geometry.intersection_over_union(quad, quad) == pytest.approx(1.0)
    assert geometry.intersection_over_union(quad, quad[::-1]) == pytest.approx(1.0)


def test_known_overlaps() -> None:
    """A half, a quarter, a touch and nothing."""
    square = np.array([(0, 0), (2, 0), (2, 2), (0, 2)], np.float32)
    for shift, expected in (((1, 0), 2.0), ((1, 1), 1.0), ((2, 0), 0.0), ((5, 5), 0.0)):
        assert geometry.intersection_area(square, square + np.array(shift, np.float32)) == pytest.approx(expected)


def test_rectify_undoes_a_rotation() -> None:
    """Each corner of the label lands in the corner of the crop where it belongs."""
    quad = _quad(160, 80, 0.3)
    image = np.zeros((300, 400, 3), np.uint8)
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0)]
    centre = quad.mean(axis=0)
    for corner, colour in zip(quad, colours, strict=True):
        x, y = corner * 0.8 + centre * 0.2
        cv2.circle(image, (round(float(x)), round(float(y))), 12, colour, -1)
    crop = geometry.rectify(image, quad, 80, 160)
    assert crop.shape == (80, 160, 3)
    assert crop.flags.c_contiguous
    places = [(8, 16), (8, 143), (71, 143), (71, 16)]
    assert [tuple(crop[y, x]) for y, x in places] == colours


def test_rectify_of_the_whole_picture_is_the_picture() -> None:
    """Half-pixel conventions agree: the full frame at its own size comes back unchanged."""
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    frame = np.array([(0, 0), (60, 0), (60, 40), (0, 40)], np.float32)
    assert np.array_equal(geometry.rectify(image, frame, 40, 60), image)


def test_rectify_averages_when_it_shrinks() -> None:
    """A fine checkerboard shrinks to grey, not to an aliased pattern."""
    image = np.repeat(((np.indices((128, 128)).sum(0) % 2) * 255).astype(np.uint8)[..., None], 3, axis=2)
    frame = np.array([(0, 0), (128, 0), (128, 128), (0, 128)], np.float32)
    assert np.abs(geometry.rectify(image, frame, 32, 32).astype(int) - 127).max() <= 2


def test_rectify_refuses_a_line() -> None:
    """Four corners on a line are an error, not a smear."""
    line = np.array([(0, 0), (10, 0), (20, 0), (30, 0)], np.float32)
    with pytest.raises(ValueError, match="without area"):
        geometry.rectify(np.zeros((10, 40, 3), np.uint8), line, 8, 8)


def test_native_size_takes_the_longer_sides() -> None:
    """Perspective shortens one side; the crop keeps the detail of the other."""
    quad = np.array([(0, 0), (100, 0), (90, 50), (10, 50)], np.float32)
    assert geometry.native_size(quad) == (51, 100)


@given(_POSES, st.integers(16, 600), st.integers(16, 600))
def test_fit_size_never_enlarges(quad: Quad, height: int, width: int) -> None:
    """Neither side exceeds the station's limit or its native length, and the station's aspect is kept."""
    native_height, native_width = geometry.native_size(quad)
    fitted_height, fitted_width = geometry.fit_size(quad, height, width)
    assert fitted_height <= min(height, native_height)
    assert fitted_width <= min(width, native_width)
    assert abs(fitted_height - fitted_width * height / width) <= 1 + height / width


@pytest.mark.parametrize(("shift", "expected"), [(0, 1.0), (50, 1 / 3), (200, 0.0)])
def test_intersection_over_union(shift: float, expected: float) -> None:
    """Known overlaps of two equal rectangles."""
    first = _quad(100, 60, 0.0)
    second = first + np.array([shift, 0], np.float32)
    assert geometry.intersection_over_union(first, second) == pytest.approx(expected, abs=1e-5)
