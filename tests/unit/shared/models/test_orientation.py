"""Reading direction of rectified labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from shared import geometry
from shared.models.orientation import LabelOrientation, OrientationNet
from training.studio.camera import CAMERA_KINDS, CameraKind
from training.studio.layouts import LAYOUTS
from training.studio.photo import photograph


@pytest.fixture(scope="module")
def shipped() -> LabelOrientation:
    """The network with the weights that ship."""
    return LabelOrientation.load()


def test_turning_the_crop_turns_the_answer() -> None:
    """By construction the logit of a turned crop is the negative, whatever the weights."""
    torch.manual_seed(1)
    net = OrientationNet().eval()
    crop = torch.randn(2, 1, 128, 256)
    with torch.inference_mode():
        assert torch.allclose(net(torch.flip(crop, (2, 3))), -net(crop), atol=1e-6)


@pytest.mark.parametrize("camera", CAMERA_KINDS)
def test_studio_labels_are_read_the_right_way(shipped: LabelOrientation, camera: CameraKind) -> None:
    """Upright and turned crops of every layout are told apart; a wrong answer is rarer than no answer."""
    answers = []
    for index, layout in enumerate(LAYOUTS):
        photo = photograph(500 + index, layout=layout, camera=camera)
        crop = geometry.rectify(photo.image, photo.polygon, *geometry.fit_size(photo.polygon, 256, 448))
        answers.append(shipped.upside_down(crop))
        turned = shipped.upside_down(np.ascontiguousarray(crop[::-1, ::-1]))
        answers.append(None if turned is None else not turned)
    assert answers.count(True) <= 1
    assert answers.count(False) >= len(answers) - 4


def test_a_blank_crop_has_no_direction(shipped: LabelOrientation) -> None:
    """Nothing to read, nothing to say."""
    assert shipped.upside_down(np.full((60, 120, 3), 40, np.uint8)) is None


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    """Tensors without our format mark are no orientation network."""
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"not 'linegate\.label-orientation\.v1'"):
        LabelOrientation.load(tmp_path / "other.safetensors")
