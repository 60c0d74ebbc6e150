"""Training the detector: short, real runs."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from shared.models.detector import LabelDetector
from shared.models.detector_net import DetectorConfig
from training.detector.train import TrainConfig, export, train

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
_SMALL = DetectorConfig(input_size=96, channels=16, mask_cells=8)


def _config(**changes: int) -> TrainConfig:
    return TrainConfig(**{"steps": 4, "batch": 2, "checkpoint_every": 2, "workers": 0, "warm_up": 1, **changes})


def test_resuming_gives_the_same_weights(tmp_path: Path) -> None:
    """A run that died after its checkpoint ends where an unbroken run ends."""

    class _DiedError(Exception):
        pass

    def die(step: int, _steps: int, _loss: float) -> None:
        if step == 3:
            raise _DiedError

    unbroken = train(tmp_path / "a", _config(), _SMALL)
    with pytest.raises(_DiedError):
        train(tmp_path / "b", _config(), _SMALL, progress=die)
    resumed = train(tmp_path / "b", _config(), _SMALL)
    first, second = load_file(unbroken), load_file(resumed)
    assert all(torch.allclose(first[name], second[name], atol=1e-5) for name in first)


def test_training_learns_and_freezes(tmp_path: Path) -> None:
    """Weights move, but not those of the frozen stem; a second round starts from the first."""
    first = load_file(train(tmp_path / "one", _config(), _SMALL))
    second = load_file(train(tmp_path / "two", _config(), _SMALL, start=tmp_path / "one" / "weights.safetensors"))
    moved = {name for name in first if not torch.equal(first[name], second[name])}
    assert any(name.startswith("rpn.") for name in moved)
    assert any(name.startswith("backbone.body.blocks.6") for name in moved)
    assert not any(name.startswith(("backbone.body.conv_stem", "backbone.body.blocks.0")) for name in moved)


def test_export_makes_a_loadable_file(tmp_path: Path) -> None:
    """A trained folder becomes an fp16 file that the detector loads."""
    train(tmp_path / "run", _config(steps=2), _SMALL)
    shipped = export(tmp_path / "run", tmp_path / "label.safetensors")
    LabelDetector.load(shipped)
    assert shipped.stat().st_size < (tmp_path / "run" / "weights.safetensors").stat().st_size


def test_export_needs_training(tmp_path: Path) -> None:
    """Nothing trained, nothing shipped."""
    with pytest.raises(FileNotFoundError, match="train first"):
        export(tmp_path, tmp_path / "x.safetensors")
