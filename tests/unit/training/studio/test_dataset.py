"""Data set folders written by the studio."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from training.studio.cli import app
from training.studio.dataset import write_dataset
from training.studio.photo import photographs


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_folder_is_complete_and_the_same_again(tmp_path: Path) -> None:
    """Every manifest line points at files that exist, and the same seed writes the same bytes."""
    for name in ("a", "b"):
        write_dataset(tmp_path / name, photographs(6, seed=9, damaged=0.5))
    assert _bytes(tmp_path / "a") == _bytes(tmp_path / "b")
    lines = [json.loads(line) for line in (tmp_path / "a" / "manifest.jsonl").read_text().splitlines()]
    assert len(lines) == 6
    for line in lines:
        image = cv2.imread(str(tmp_path / "a" / line["image"]))
        assert image is not None
        assert np.array(line["polygon"]).shape == (4, 2)
        assert (line["label"] == "damaged") == (line["mask"] is not None) == (line["defect"] is not None)
        if line["mask"] is not None:
            mask = cv2.imread(str(tmp_path / "a" / line["mask"]), cv2.IMREAD_GRAYSCALE)
            assert mask is not None
            assert mask.shape == image.shape[:2]
            assert set(np.unique(mask)) == {0, 255}


def test_a_finished_folder_is_not_overwritten(tmp_path: Path) -> None:
    """Writing into a folder that holds a data set is refused."""
    write_dataset(tmp_path, photographs(1, seed=0, damaged=0, cameras=["stationary"]))
    with pytest.raises(FileExistsError, match="choose an empty folder"):
        write_dataset(tmp_path, photographs(1, seed=0, damaged=0))


def test_command_writes_what_was_asked_for(tmp_path: Path) -> None:
    """`linegate studio` honours its options and prints the manifest's path."""
    arguments = [str(tmp_path / "set"), "--photos", "3", "--damaged", "0", "--camera", "stationary", "--layout", "kr"]
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == 0, outcome.output
    lines = [json.loads(line) for line in (tmp_path / "set" / "manifest.jsonl").read_text().splitlines()]
    assert [(line["layout"], line["camera"], line["label"]) for line in lines] == [("kr", "stationary", "good")] * 3
    assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize("wrong", [["--layout", "zz"], ["--camera", "drone"]])
def test_command_names_unknown_choices(tmp_path: Path, wrong: list[str]) -> None:
    """An unknown layout or camera is refused and the choices are shown."""
    outcome = CliRunner().invoke(app, [str(tmp_path), *wrong])
    assert outcome.exit_code == 2
    assert "choose" in outcome.output
