"""The history in the console: counted, drawn, downloaded, and only one's own plants."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.archive.parquet import write_rows
from services.archive.row import row_of
from shared.auth import Role
from shared.events import Check, ModelStamp, Timings, Verdict, now
from shared.history.files import HistoryFiles
from shared.settings.archive import HistorySettings
from tests.integration.console.rollouts.console import Console

pytestmark = pytest.mark.redis


def judged(image: str, at: datetime, *, failed: bool, plant: str = "munich", version: str = "v1") -> Verdict:
    """A verdict of line-1."""
    check = Check(name="damage", result="fail" if failed else "pass", score=3.0 if failed else 1.0, threshold=2.0)
    fields = {
        "id": image, "image": image, "part": image, "time": at, "captured": at, "plant": plant, "line": "line-1",
        "layout": "us", "decision": check.result, "checks": (check,), "timings": Timings(capture_to_verdict=200.0),
        "model": ModelStamp(
            version=version, digest="0" * 64, kind="padim", arm="champion", assignment="*/*/*/*/*", revision=1
        ),
    }  # fmt: skip
    return Verdict.model_validate(fields)


def archive(console: Console, *verdicts: Verdict) -> None:
    """Write them as the archive worker does."""
    files = HistoryFiles(console.settings.store)
    for number, verdict in enumerate(verdicts):
        folder = files.folder(verdict.plant, verdict.captured.astimezone(UTC).date())
        write_rows(files, folder, f"test-{number}", [row_of(verdict, evidence=False)], HistorySettings())


def test_fail_rates(console: Console) -> None:
    """In each grouping: the figures, a chart, a table, and the same as CSV."""
    at = now() - timedelta(hours=3)
    archive(
        console,
        judged("a", at, failed=True),
        judged("b", at, failed=False),
        judged("c", at - timedelta(hours=5), failed=False, version="v2"),
        judged("d", at, failed=True, plant="austin"),
    )
    ada = console.visitor(Role.OPERATOR)
    for by, rows in (("hour", 2), ("version", 2), ("layout", 1), ("shift_name", 1), ("line", 1)):
        page = ada.get(f"/history?by={by}")
        assert page.all("history-chart"), by
        assert len(page.all("history-row")) == rows, by
        assert "33.33 %" in page.text
        assert "austin" not in page.text
    assert len(ada.get("/history?by=day").all("history-row")) in (1, 2)  # across midnight, two days
    answer = ada.client.get("/history/summary.csv?by=version")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert [line.split(",")[2:7] for line in answer.text.splitlines()[1:]] == [
        ["v1", "", "2", "1", "1"],
        ["v2", "", "1", "1", "0"],
    ]
    lines = ada.client.get("/history/verdicts.csv?version=v1").text.splitlines()
    assert sorted(line.split(",")[2] for line in lines[1:]) == ["a", "b"]
    everything = console.visitor(Role.OPERATOR, "*")
    assert "50.00 %" in everything.get("/history?by=day").text
    assert "austin" in everything.get("/history?by=plant").text


def test_filters_and_days(console: Console) -> None:
    """A day is a day of the plant's clock."""
    midnight = datetime(2026, 11, 9, 23, 30, tzinfo=UTC)  # 10 November in Munich
    archive(console, judged("a", midnight, failed=True))
    ada = console.visitor(Role.OPERATOR)
    days = "/history?by=hour&period=days&plant=munich"
    assert ada.get(f"{days}&since=2026-11-10&until=2026-11-10").all("history-row")
    assert ada.get(f"{days}&since=2026-11-09&until=2026-11-09").all("history-empty")
    assert ada.get(f"{days}&since=2026-11-12&until=2026-11-08").all("history-row")
    assert ada.get(f"{days}&line=line-2").all("history-empty")
    assert ada.get(f"{days}&line=line-1&layout=us&version=v1").all("history-row")
    assert ada.get("/history?period=days&since=0001-01-01&until=9999-12-31&by=x").all("history-row")


def test_without_a_history(console: Console) -> None:
    """An empty store is no fault; one that is not there is, and is told."""
    ada = console.visitor(Role.OPERATOR)
    assert ada.get("/history", 503).all("history-problem")
    assert ada.client.get("/history/summary.csv").status_code != 200
    assert ada.client.get("/history/verdicts.csv").status_code != 200
    Path(console.settings.store.url).mkdir()
    assert ada.get("/history").all("history-empty")
    assert len(ada.client.get("/history/verdicts.csv").text.splitlines()) == 1


def test_other_plants_are_out_of_reach(console: Console) -> None:
    """Also for whoever names them, and for whoever may see some."""
    at = now() - timedelta(hours=1)
    archive(console, judged("d", at, failed=True, plant="austin"), judged("e", at, failed=True, plant="tokyo"))
    both = console.visitor(Role.OPERATOR, "munich", "austin")
    assert [line.split(",")[0] for line in both.client.get("/history/verdicts.csv").text.splitlines()[1:]] == ["austin"]
    assert len(both.get("/history?by=plant").all("history-row")) == 1
    ada = console.visitor(Role.OPERATOR)
    ada.get("/history?plant=austin", 403)
    assert ada.get("/history").all("history-empty")
    assert len(ada.client.get("/history/verdicts.csv").text.splitlines()) == 1
