"""The `linegate detector` commands."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from training.detector.cli import app


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["train", "--backbone", "vgg"], "choose one of tf_efficientnet_lite0"),
        (["export", "nowhere", "x.safetensors"], "train first"),
        (["eval", "nowhere"], "expected images/ and"),
    ],
)
def test_wrong_input_is_one_clear_line(
    arguments: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad input ends with status 2 and says what was wrong."""
    monkeypatch.chdir(tmp_path)
    outcome = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert outcome.exit_code == 2
    assert why in outcome.output
