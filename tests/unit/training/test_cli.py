"""`linegate train`: what goes to which command, and that the options of a spec stand once."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.errors import LinegateError
from shared.events import TrainingSpec
from training.cli import COMMANDS, train
from training.cli.spec_options import asked


def _said(*arguments: str) -> str:
    done = CliRunner().invoke(train, arguments, env={"COLUMNS": "200"})
    if isinstance(done.exception, LinegateError):
        return str(done.exception)
    return done.output


def test_photos_go_to_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path or an option is an argument of `fit`, be it there or not; a command's name is the command."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "fit").mkdir()
    assert "photos is no data set I know" in _said("photos")
    assert "photos is no data set I know" in _said("fit", "photos")
    assert "gone/photos does not exist" in _said("gone/photos")
    assert "gone.csv does not exist" in _said("gone.csv")
    assert "no training data given" in _said("--kind", "padim")
    assert "no training data given" in _said("fit")
    assert "fit is no data set I know" in _said("./fit")


def test_a_misspelt_command_is_told() -> None:
    """It is not taken for photos."""
    assert "No such command 'fitt'" in _said("fitt")


def test_the_help_lists_every_command() -> None:
    """Each can be imported and says what it does."""
    for arguments in ((), ("--help",), ("-h",)):
        told = _said(*arguments)
        assert all(name in told for name in COMMANDS), told


def test_no_option_is_the_spec_itself() -> None:
    """The command's defaults and the request's are the same."""
    assert asked().spec == TrainingSpec()


def test_an_option_out_of_bounds_is_one_line() -> None:
    """What only the model checks is told by the option's name."""
    with pytest.raises(LinegateError, match=r"^--layout: ") as caught:
        asked(layout=["No Slug"])
    assert "\n" not in str(caught.value)
    with pytest.raises(LinegateError, match="goes with --crop mask_rcnn only"):
        asked(crop="full_frame", reference="learn")
