"""Registration finds the label's place from corners that are off, and nothing where the label is not."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared import geometry
from shared.cropping import Cropped, registered
from shared.events import Check
from shared.registration import FARTHEST, register
from shared.registration_reference import Reference, ReferenceRejected, as_picture, pack, reference_size, unpack
from shared.registry.records import StationConfig
from tests.unit.shared.labels import HEIGHT, WIDTH, label, off, packed, reference

STATION = StationConfig(height=HEIGHT, width=WIDTH)
FOUND = Check(name="presence", result="pass", score=0.9, threshold=0.5)
FINE = 0.01
"""Share of the label's width by which registered labels may differ from one another."""


def _place(corners: NDArray[np.float32], truth: NDArray[np.float32]) -> NDArray[np.floating]:
    """Where the true corners lie in the crop, as shares of its sides: equal for all where registration is perfect."""
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, unit)
    return np.asarray(cv2.perspectiveTransform(truth[None].astype(np.float32), matrix)[0])


@pytest.fixture(scope="module")
def usual() -> NDArray[np.floating]:
    """Where true corners lie in the reference's crops."""
    places = []
    for seed in (1, 2, 3):
        found = register(label(seed).image, label(seed).polygon, reference())
        assert found is not None
        places.append(_place(found.corners, label(seed).polygon))
    return np.median(places, axis=0)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0, 0.04))
def test_from_wherever_it_starts_it_ends_alike(usual: NDArray[np.floating], seed: int, share: float) -> None:
    """Corners that are off by up to 4 % of the width come out within one percent of the sides."""
    photo = label(1 + seed % 3)
    found = register(photo.image, off(photo.polygon, seed, share), reference())
    assert found is not None
    assert np.abs(_place(found.corners, photo.polygon) - usual).max() < FINE


@pytest.mark.parametrize("damage", ["crack", "bubble", "edge"])
@pytest.mark.parametrize("seed", [11, 12])
def test_damage_does_not_move_the_print(usual: NDArray[np.floating], damage: str, seed: int) -> None:
    """A badly damaged label is registered where it would lie if it were whole: nothing is bent around the damage."""
    photo = label(seed, damage)
    found = register(photo.image, off(photo.polygon, seed), reference())
    assert found is not None
    assert np.abs(_place(found.corners, photo.polygon) - usual).max() < FINE


def test_light_does_not_move_the_print() -> None:
    """Half the exposure under a lamp at one side."""
    photo = label(1)
    ramp = np.linspace(0.3, 0.7, photo.image.shape[1], dtype=np.float32)[None, :, None]
    darker = (photo.image * ramp).astype(np.uint8)
    first, second = (register(image, off(photo.polygon, 5), reference()) for image in (photo.image, darker))
    assert first is not None
    assert second is not None
    np.testing.assert_allclose(second.corners, first.corners, atol=2.0)


def test_the_same_photo_gives_the_same_corners() -> None:
    """To the last bit: a replay must crop alike."""
    photo = label(2)
    first, second = (register(photo.image, off(photo.polygon, 5), reference()) for _ in range(2))
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.corners, second.corners)
    assert first.correlation == second.correlation


@pytest.mark.parametrize("layout", ["gb", "jp", "cn"])
def test_another_label_does_not_verify(layout: str) -> None:
    """Print of another layout is never taken for the reference's."""
    photo = label(1, layout=layout)
    assert register(photo.image, photo.polygon, reference()) is None


def test_what_is_no_label_does_not_verify() -> None:
    """Noise, plain film, a mirrored label, and a place beside the label."""
    photo = label(1)
    noise = np.random.default_rng(0).integers(0, 255, photo.image.shape, dtype=np.uint8)
    width = photo.image.shape[1]
    mirrored = np.ascontiguousarray(photo.image[:, ::-1])
    corners = geometry.order_clockwise(np.array([width, 0], np.float32) + photo.polygon * np.array([-1, 1], np.float32))
    beside = photo.polygon + np.float32((1 + FARTHEST) * 0.5 * width)
    assert register(noise, photo.polygon, reference()) is None
    assert register(np.full_like(photo.image, 90), photo.polygon, reference()) is None
    assert register(mirrored, corners, reference()) is None
    assert register(photo.image, beside, reference()) is None


def test_a_crop_that_does_not_register_stays_as_it_was() -> None:
    """The event will say false, and the pixels are those of the mask's corners."""
    photo = label(1, layout="gb")
    coarse = Cropped(FOUND, np.zeros((4, 4, 3), np.uint8), photo.polygon, rotated=False)
    left = registered(photo.image, STATION, coarse, reference())
    assert left.registered is False
    assert left.pixels is coarse.pixels
    assert left.corners is coarse.corners


def test_print_decides_the_reading_direction() -> None:
    """Where the network abstained or erred, the registered crop is upright; a station that never turns is obeyed."""
    photo = label(1)
    upside_down = np.roll(off(photo.polygon, 5), 2, axis=0)
    for told in (None, True, False):
        crop = registered(photo.image, STATION, Cropped(FOUND, None, upside_down, told), reference())
        assert crop.registered
        assert crop.corners is not None
        assert crop.pixels is not None
        assert np.linalg.norm(crop.corners - photo.polygon, axis=1).max() < 20
        assert crop.rotated is (told is not True)
        assert crop.pixels.shape == (HEIGHT, WIDTH, 3)
    fixed = STATION.model_copy(update={"orient": False})
    assert registered(photo.image, fixed, Cropped(FOUND, None, upside_down), reference()).registered is False


def test_a_label_that_was_not_found_stays_so() -> None:
    """There is nothing to register."""
    missing = Cropped(Check(name="presence", result="fail", score=0.1, threshold=0.5))
    assert registered(label(1).image, STATION, missing, reference()) is missing


@given(st.integers(16, 4096), st.integers(16, 4096))
def test_a_reference_is_small_and_keeps_the_shape(height: int, width: int) -> None:
    """Multiples of eight pixels, as near the station's shape as that allows."""
    h, w = reference_size(height, width)
    assert h % 8 == w % 8 == 0
    assert max(h, w) == 320
    factor = 320 / max(height, width)
    assert abs(h - height * factor) <= 8
    assert abs(w - width * factor) <= 8


def test_what_differs_part_by_part_does_not_count() -> None:
    """The VIN lies outside the constant print, most of the heading inside; people see it in blue."""
    made = reference()
    vin, heading = made.constant[108:122, 70:200], made.constant[10:22, 45:290]
    assert heading.mean() > 0.9
    assert vin.mean() < 0.6
    picture = as_picture(made)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert (picture[~made.constant, 2] == 255).all()


def test_a_reference_survives_its_file() -> None:
    """Equal content, equal bytes; the digest is the file's."""
    made = reference()
    again = unpack(pack(made, {}))
    np.testing.assert_array_equal(again.picture, made.picture)
    np.testing.assert_array_equal(again.constant, made.constant)
    assert again.digest == made.digest
    assert pack(made, {}) == packed()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no crop reference"),
        (b"\x00" * 64, "no crop reference"),
        (packed()[:-100], "no crop reference"),
        (packed().replace(b"crop-reference.v1", b"crop-reference.v9"), "crop-reference.v9"),
        (b"\x00" * (5 * 2**20), "too many"),
        (pack(Reference(np.zeros((12, 16), np.float32), np.ones((12, 16), np.bool_)), {}), "multiples"),
        (pack(Reference(np.full((16, 16), np.nan, np.float32), np.ones((16, 16), np.bool_)), {}), "finite"),
        (pack(Reference(np.zeros((16, 16), np.float32), np.ones((16, 8), np.bool_)), {}), "one size"),
    ],
)
def test_what_is_no_reference_is_refused(data: bytes, words: str) -> None:
    """In one line that says why."""
    with pytest.raises(ReferenceRejected, match=words):
        unpack(data)
