"""The marked picture shows the damage, and leaves the rest of the part alone."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.evidence import EvidenceUnreadable, HeatRange, marked, overlay_rgba, preview, range_of, with_range
from shared.images import ImageRejected, encode_png
from shared.settings import ImageSettings

HEIGHT, WIDTH = 400, 640
PEAK = (0.75, 0.25)


def pixels(data: bytes, flags: int = cv2.IMREAD_UNCHANGED) -> NDArray[np.uint8]:
    """A picture, as OpenCV has it."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def crop() -> bytes:
    """A plain dark part."""
    return encode_png(np.full((HEIGHT, WIDTH, 3), 60, np.uint8))


def hot_spot(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A map with one spot at the peak."""
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot(x - PEAK[0] * width, y - PEAK[1] * height)
    return np.asarray(np.rint(255 * np.exp(-((distance / (0.06 * width)) ** 2))), np.uint8)


def at(picture: NDArray[np.uint8], x: float, y: float) -> NDArray[np.int64]:
    """One pixel, by shares."""
    return picture[int(y * picture.shape[0]), int(x * picture.shape[1])].astype(np.int64)


def test_the_spot_glows_and_the_rest_is_as_it_was() -> None:
    """Warm at the peak (more red than blue), untouched elsewhere; the damage stays visible below."""
    picture = pixels(marked(crop(), map_png=encode_png(hot_spot()), peak=None))
    assert picture.shape == (HEIGHT, WIDTH, 3)
    blue, _, red = at(picture, *PEAK)
    assert red > blue + 60
    assert list(at(picture, 0.25, 0.75)) == [60, 60, 60]


def test_the_ring_goes_round_the_peak() -> None:
    """Its middle is free, and it is closed."""
    picture = pixels(marked(crop(), map_png=None, peak=PEAK))
    assert list(at(picture, *PEAK)) == [60, 60, 60]
    drawn = (picture != 60).any(axis=-1).astype(np.uint8)
    ys, xs = np.nonzero(drawn)
    assert abs(float(xs.mean()) / WIDTH - PEAK[0]) < 0.01
    assert abs(float(ys.mean()) / HEIGHT - PEAK[1]) < 0.01
    count, _ = cv2.connectedComponents((1 - drawn).astype(np.uint8))
    assert count == 3  # drawn, within, without


def test_a_map_of_another_size_is_stretched() -> None:
    """Also on a crop that is made smaller: the heat stays where it belongs."""
    large = encode_png(np.full((2000, 3200, 3), 60, np.uint8))
    picture = pixels(marked(large, map_png=encode_png(hot_spot(100, 160)), peak=PEAK))
    assert picture.shape == (800, 1280, 3)
    blue, _, red = at(picture, *PEAK)
    assert red > blue + 60
    small = pixels(marked(encode_png(np.full((40, 64, 3), 60, np.uint8)), map_png=None, peak=None))
    assert small.shape == (200, 320, 3)


def test_the_overlay_is_clear_where_nothing_is() -> None:
    """With an alpha channel for the browser."""
    picture = pixels(overlay_rgba(encode_png(hot_spot())))
    assert picture.shape == (HEIGHT, WIDTH, 4)
    assert at(picture, 0.25, 0.75)[3] == 0
    assert at(picture, *PEAK)[3] > 100


def test_a_threshold_decides_what_glows() -> None:
    """What is far below it does not, however high it is in the map's own range."""
    ramp = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
    own = pixels(overlay_rgba(encode_png(ramp)))
    by_threshold = pixels(overlay_rgba(encode_png(ramp), scale=HeatRange(0, 10, threshold=9)))
    assert at(own, 0.7, 0.5)[3] > 0
    assert at(by_threshold, 0.7, 0.5)[3] == 0
    assert at(by_threshold, 0.9, 0.5)[3] > 0
    unreached = pixels(overlay_rgba(encode_png(ramp), scale=HeatRange(0, 10, threshold=11)))
    assert np.array_equal(unreached, own)


@given(low=st.floats(-1e6, 1e6), width=st.floats(0, 1e6), value=st.integers(0, 255))
def test_the_range_travels_in_the_map(low: float, width: float, value: int) -> None:
    """And the picture is the same with it."""
    plain = encode_png(np.full((3, 5), value, np.uint8))
    said = with_range(plain, low, low + width)
    assert range_of(said, 1.5) == HeatRange(low, low + width, 1.5)
    assert np.array_equal(pixels(said), pixels(plain))
    assert 0 <= range_of(said, 1.5).glow[0] < range_of(said, 1.5).glow[1]


@given(st.binary(max_size=200))
def test_a_map_without_a_range(data: bytes) -> None:
    """Whatever it is, there is an answer."""
    assert range_of(data) == HeatRange(0.0, 1.0)
    assert with_range(data, 0, 1) == data


def test_what_is_no_picture() -> None:
    """Is refused in one line."""
    with pytest.raises(EvidenceUnreadable, match="crop is no picture"):
        marked(b"<svg/>", map_png=None, peak=None)
    with pytest.raises(EvidenceUnreadable, match="map is no picture"):
        marked(crop(), map_png=b"", peak=None)
    with pytest.raises(EvidenceUnreadable, match="map is no picture"):
        overlay_rgba(b"nothing")


def test_previews_are_small_jpegs() -> None:
    """Of what a browser does not show itself; what the gate refuses has none."""
    bmp = cv2.imencode(".bmp", np.full((1000, 2000, 3), 90, np.uint8))[1].tobytes()
    small = preview(bmp, ImageSettings(), longest=500)
    assert small.startswith(b"\xff\xd8")
    assert pixels(small).shape == (250, 500, 3)
    with pytest.raises(ImageRejected):
        preview(b"GIF89a", ImageSettings())
