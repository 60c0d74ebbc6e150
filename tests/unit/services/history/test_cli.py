"""`linegate history` on a real store, as a person runs it."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.history.cli import app
from services.history.times import moment
from services.history.views import BAR, bar
from shared.errors import LinegateError
from tests.unit.services.archive.archived import NOON, archive, unfound, verdict

SETTINGS = """
[plants.named.munich]
zone = "Europe/Berlin"
shifts = [{ name = "early", begin = "06:00" }, { name = "late", begin = "14:00" }, { name = "night", begin = "22:00" }]
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with some verdicts, which the settings name."""
    monkeypatch.setenv("LINEGATE_STORE__URL", str(tmp_path / "store"))
    monkeypatch.setenv("LINEGATE_CONFIG", str(tmp_path / "linegate.toml"))
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "linegate.toml").write_text(SETTINGS)
    (tmp_path / "store").mkdir()
    archive(tmp_path / "store", [
        verdict("1"), verdict("2", decision="fail"), unfound("3", captured=NOON + timedelta(hours=4)),
        verdict("4", plant="pune", line="line-7"), verdict("5", part="P1", captured=NOON - timedelta(days=30)),
    ])  # fmt: skip
    return tmp_path


def run(*words: str) -> Result:
    """What the command says."""
    result: Result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def lines(*words: str) -> list[list[str]]:
    """The table's rows, as words."""
    return [line.split() for line in run(*words).stdout.splitlines()]


def test_the_summary_of_a_plant_by_shift(store: Path) -> None:
    """By its own clock, with the rate as a bar, and a row over all."""
    del store
    told = lines("summary", "--by", "shift", "--plant", "munich", "--since", "2026-11-24", "--until", "2026-11-25")
    assert told[0] == ["by", "shift:", "plant", "munich"]
    assert told[2] == ["2026-11-24", "early", "2", "1", "0", "50.00%", "█" * (BAR // 2), "120", "/", "120"]
    assert told[3] == ["2026-11-24", "late", "1", "1", "1", "100.00%", "█" * BAR, "120", "/", "120"]
    assert told[4] == ["all", "3", "2", "1", "66.67%", "120", "/", "120"]


def test_the_summary_of_several_plants(store: Path) -> None:
    """They are told apart; verdicts that no model was asked for have no version."""
    del store
    told = lines("summary", "--by", "line", "--since", "2026-11-01")
    assert [row[:3] for row in told[2:4]] == [["munich", "line-1", "3"], ["pune", "line-7", "1"]]
    assert [row[:2] for row in lines("summary", "--by", "version", "--since", "2026-11-01")[2:4]] == [
        ["us-1", "3"], ["(none)", "1"],
    ]  # fmt: skip


def test_the_summary_as_csv(store: Path) -> None:
    """On standard output, or whole in a file."""
    words = ("summary", "--by", "layout", "--since", "2026-11-01", "--csv")
    (row,) = csv.DictReader(io.StringIO(run(*words, "-").stdout))
    assert (row["name"], row["parts"], row["failed"], row["unfound"]) == ("us", "4", "2", "1")
    assert run(*words, str(store / "out.csv")).stdout == ""
    assert (store / "out.csv").read_text().startswith("plant,line,name,begin,parts")
    with pytest.raises(LinegateError, match="cannot be written"):
        run(*words, str(store / "no-folder" / "out.csv"))


def test_nothing_archived_is_said(store: Path) -> None:
    """And is no error."""
    del store
    result = run("summary", "--plant", "nowhere")
    assert result.exit_code == 0
    assert "does `linegate serve archive` run?" in result.stderr


def test_the_verdicts_on_a_part(store: Path) -> None:
    """Newest first, as far back as the history goes."""
    del store
    told = lines("part", "P1")
    assert [row[:3] for row in told[2:4]] == [["2026-11-24", "13:00", "CET"], ["2026-10-25", "13:00", "CET"]]
    assert told[2][-1] == "photo-1"
    assert len(lines("part", "P1", "-n", "1")) == 3
    assert [row for row in lines("part", "P2") if "(damage)" in row]


def test_the_export(store: Path) -> None:
    """Every column of what was asked for, oldest first."""
    rows = list(csv.DictReader(io.StringIO(run("export", "-", "--since", "2026-11-01", "--plant", "munich").stdout)))
    assert [row["id"] for row in rows] == ["verdict-1", "verdict-2", "verdict-3"]
    run("export", str(store / "all.csv"), "--since", "2026-01-01", "--failed")
    with (store / "all.csv").open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["verdict-2", "verdict-3"]
    assert sorted(path.name for path in store.iterdir()) == ["all.csv", "linegate.toml", "store"]


def test_times_as_people_write_them() -> None:
    """Without an offset by the plant's clock."""
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    told = {
        "90m": now - timedelta(minutes=90),
        "7d": now - timedelta(days=7),
        "2026-11-24": datetime(2026, 11, 24, tzinfo=ZoneInfo("Europe/Berlin")),
        "2026-07-01T06:00": datetime(2026, 7, 1, 4, tzinfo=UTC),
        "2026-07-01T06:00-05:00": datetime(2026, 7, 1, 11, tzinfo=UTC),
    }
    assert {text: moment(text, zone="Europe/Berlin", now=now) for text in told} == told
    assert moment(None, zone="UTC", now=now) is None
    for text in ("", "yesterday", "xd", "1e99d", "2026-13-01"):
        with pytest.raises(LinegateError, match="is no time"):
            moment(text, zone="UTC", now=now)
    with pytest.raises(LinegateError, match="later than"):
        run("summary", "--since", "1d", "--until", "2d")


def test_bars() -> None:
    """In eighths of a character, never longer than they may be."""
    assert [len(bar(share).plain) for share in (0.0, 1.0, 7.0)] == [0, BAR, BAR]
    assert bar(0.5).plain == "█" * (BAR // 2)
    assert bar(1 / (BAR * 8)).plain == "▏"
