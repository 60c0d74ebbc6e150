"""The label detector: its network, its weights file, its answers."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from shared import geometry
from shared.models.detector import LabelDetector, save_detector
from shared.models.detector_net import DetectorConfig, build, fold_batch_norm
from training.studio.camera import CAMERA_KINDS, CameraKind
from training.studio.photo import photographs

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")


@pytest.fixture(scope="module")
def shipped() -> LabelDetector:
    """The detector with the weights that ship."""
    return LabelDetector.load()


@pytest.mark.parametrize("backbone", ["tf_efficientnet_lite0", "resnet50"])
def test_folding_keeps_the_features(backbone: str) -> None:
    """Batch normalisation folded into convolutions changes no feature."""
    torch.manual_seed(0)
    body = timm.create_model(backbone, features_only=True, out_indices=(2, 3, 4), pretrained=False).eval()
    for module in body.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    picture = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before = body(picture)
        fold_batch_norm(body)
        after = body(picture)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in body.modules())
    for old, new in zip(before, after, strict=True):
        assert torch.allclose(old, new, rtol=1e-3, atol=1e-4 * float(old.abs().max()))


def test_weights_file_round_trip(tmp_path: Path) -> None:
    """A saved network loads with its configuration, and the digest is the file's sha256."""
    config = DetectorConfig(input_size=128, channels=16, mask_cells=8)
    torch.manual_seed(0)
    path = save_detector(tmp_path / "net.safetensors", build(config), config)
    detector = LabelDetector.load(path, score_threshold=0.0)
    assert detector.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    found = detector.detect([np.zeros((90, 120, 3), np.uint8)])[0]
    assert found is not None
    assert found.mask.shape == (90, 120)
    assert DetectorConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    """Tensors without our format mark are no detector."""
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"not 'linegate\.label-detector\.v1'"):
        LabelDetector.load(tmp_path / "other.safetensors")


def test_unknown_backbone_is_named() -> None:
    """A configuration of another network is refused by name."""
    values = {**DetectorConfig().to_json(), "backbone": "vgg"}
    with pytest.raises(ValueError, match="unknown backbone 'vgg'; choose one of"):
        DetectorConfig.from_json(values)


@pytest.mark.parametrize("camera", CAMERA_KINDS)
def test_shipped_weights_find_studio_labels(shipped: LabelDetector, camera: CameraKind) -> None:
    """On studio photos that were never trained on the corners are right, nearly always."""
    overlaps = []
    for photo in photographs(8, seed=31, damaged=0.25, cameras=[camera]):
        found = shipped.detect([photo.image])[0]
        quad = None if found is None else geometry.mask_to_quadrilateral(found.mask)
        overlaps.append(0.0 if quad is None else geometry.intersection_over_union(quad, photo.polygon))
    assert np.median(overlaps) > 0.85


def test_batch_of_mixed_sizes_answers_as_one_by_one(shipped: LabelDetector) -> None:
    """Photos of different sizes in one batch give what each gives alone."""
    photos = [photo.image for photo in photographs(3, seed=8, damaged=0)]
    photos.append(np.ascontiguousarray(photos[0][:, : photos[0].shape[1] * 2 // 3]))
    together = shipped.detect(photos)
    for photo, found in zip(photos, together, strict=True):
        alone = shipped.detect([photo])[0]
        assert (alone is None) == (found is None)
        if alone is not None and found is not None:
            assert found.score == pytest.approx(alone.score, abs=1e-3)
            assert np.abs(found.box - alone.box).max() < 0.5
            assert found.mask.shape == photo.shape[:2]


def test_no_photos_no_work(shipped: LabelDetector) -> None:
    """An empty batch is answered with an empty list."""
    assert shipped.detect([]) == []


def test_a_bare_wall_has_no_certain_label(shipped: LabelDetector) -> None:
    """A grey wall is not called a label with confidence."""
    wall = np.full((240, 320, 3), 128, np.uint8)
    found = shipped.detect([wall])[0]
    assert found is None or found.score < 0.5


def test_mask_lies_about_its_box(shipped: LabelDetector) -> None:
    """The silhouette may leave the detection's box, but by no more than the room the mask is given."""
    photo = next(photographs(1, seed=2, damaged=0, cameras=["stationary"])).image
    found = shipped.detect([photo])[0]
    assert found is not None
    ys, xs = np.nonzero(found.mask)
    room = 0.15 * (found.box[2:] - found.box[:2])
    assert (np.array([xs.min(), ys.min()]) >= found.box[:2] - room).all()
    assert (np.array([xs.max(), ys.max()]) <= found.box[2:] + room).all()
