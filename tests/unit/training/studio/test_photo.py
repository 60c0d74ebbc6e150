"""The studio's photos and their ground truth."""

import cv2
import numpy as np
import pytest

from shared import geometry
from training.studio.camera import CAMERA_KINDS, CameraKind
from training.studio.damage import DAMAGE_KINDS, DamageKind
from training.studio.layouts import LAYOUTS
from training.studio.photo import photograph, photographs


@pytest.mark.parametrize("camera", CAMERA_KINDS)
def test_same_seed_same_pixels(camera: CameraKind) -> None:
    """A photo is a function of its arguments."""
    first, again, other = (photograph(s, layout="kr", camera=camera, damage="bubble") for s in (5, 5, 6))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    assert first.vin == again.vin
    assert first.vin != other.vin
    assert first.image.shape != other.image.shape or (first.image != other.image).any()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("camera", CAMERA_KINDS)
def test_polygon_frames_the_label(layout: str, camera: CameraKind) -> None:
    """The label lies inside the photo and fills its polygon, up to rounded corners."""
    photo = photograph(11, layout=layout, camera=camera)
    height, width = photo.label_mask.shape
    assert photo.image.shape == (height, width, 3)
    assert (photo.polygon >= 0).all()
    assert (photo.polygon <= (width, height)).all()
    found = geometry.mask_to_quadrilateral(photo.label_mask, margin=0)
    assert found is not None
    assert geometry.intersection_over_union(found, photo.polygon) > 0.97


def test_stationary_photos_are_grey_and_alike() -> None:
    """A line camera sees three equal channels and hardly moves."""
    photos = [photograph(s, layout="us", camera="stationary") for s in range(6)]
    for photo in photos:
        assert (photo.image == photo.image[..., :1]).all()
    spread = np.stack([photo.polygon for photo in photos]).std(axis=0)
    assert spread.max() < 12


def test_mobile_photos_vary() -> None:
    """A phone sees colour, from many places."""
    photos = [photograph(s, layout="us", camera="mobile") for s in range(6)]
    assert any((photo.image[..., 0] != photo.image[..., 2]).mean() > 0.5 for photo in photos)
    widths = [float(np.linalg.norm(photo.polygon[1] - photo.polygon[0])) for photo in photos]
    assert max(widths) / min(widths) > 1.3


def test_some_mobile_labels_are_upside_down() -> None:
    """A small share of phone photos shows the label turned by about 180 degrees."""
    turned = [photograph(s, layout="jp", camera="mobile").polygon for s in range(60)]
    share = np.mean([quad[1, 0] < quad[0, 0] for quad in turned])
    assert 0 < share < 0.3


@pytest.mark.parametrize("kind", DAMAGE_KINDS)
@pytest.mark.parametrize("severity", [0.05, 0.5, 1.0])
def test_damage_is_marked_and_changes_the_photo(kind: DamageKind, severity: float) -> None:
    """The mask is not empty, lies on or beside the label, and the photo differs most where it is."""
    photo = photograph(3, layout="br", camera="stationary", damage=kind, severity=severity)
    assert photo.mask.any()
    assert photo.severity == severity
    near = cv2.fillConvexPoly(
        np.zeros(photo.mask.shape, np.uint8), geometry.expand(photo.polygon, 0.03).astype(np.int32), 1
    )
    assert not (photo.mask & (near == 0)).any()


@pytest.mark.parametrize("kind", DAMAGE_KINDS)
def test_severity_grows_the_damage(kind: DamageKind) -> None:
    """Over several photos the damaged area grows with severity."""
    area = [
        np.mean([photograph(s, layout="cn", camera="stationary", damage=kind, severity=v).mask.sum() for s in range(6)])
        for v in (0.1, 0.9)
    ]
    assert area[1] > 3 * area[0]


def test_good_labels_carry_no_mask() -> None:
    """Without damage there is nothing to mark."""
    photo = photograph(1, layout="in", camera="mobile")
    assert photo.damage is None
    assert photo.severity == 0
    assert not photo.mask.any()


def test_photographs_keeps_the_share_of_damage() -> None:
    """A quarter of 12 photos is exactly three; layouts and cameras are those asked for."""
    photos = list(photographs(12, seed=4, damaged=0.25, layouts=["gb", "jp"], cameras=["stationary"]))
    assert sum(photo.damage is not None for photo in photos) == 3
    assert {photo.layout for photo in photos} == {"gb", "jp"}
    assert {photo.camera for photo in photos} == {"stationary"}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"layout": "xx", "camera": "mobile"}, "unknown layout 'xx'; choose one of row"),
        ({"layout": "us", "camera": "drone"}, "unknown camera"),
        ({"layout": "us", "camera": "mobile", "damage": "rust"}, "unknown damage"),
        ({"layout": "us", "camera": "mobile", "damage": "crack", "severity": 0.0}, "severity must be in"),
        ({"layout": "us", "camera": "mobile", "severity": 0.5}, "needs a damage"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], why: str) -> None:
    """A wrong argument is refused with a hint."""
    with pytest.raises(ValueError, match=why):
        photograph(0, **arguments)  # type: ignore[arg-type]  # wrong on purpose
