"""Tidying merges without losing, removes what is too old and nothing else."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.archive.housekeeper import Housekeeper
from services.archive.metrics import ArchiveMetrics
from services.archive.tidy import SMALL, Tidying, to_merge
from shared.evidence import EvidenceShelf
from shared.history import History, Scope
from shared.history.files import HistoryFiles
from shared.settings import ArchiveSettings, StoreSettings
from shared.settings.plants import PlantsSettings
from shared.store import StoreUnavailable
from tests.unit.services.archive.archived import LIMITS, NOON, archive, verdict

TODAY = date(2026, 11, 24)


def tidying(url: str, **more: Any) -> tuple[Tidying, HistoryFiles, EvidenceShelf]:
    """What tidies a store."""
    store = StoreSettings(url=url)
    files, shelf = HistoryFiles(store), EvidenceShelf(store)
    settings = ArchiveSettings.model_validate(more)
    return Tidying(files, shelf, settings, LIMITS, ArchiveMetrics()), files, shelf


def ids(url: str) -> list[str]:
    """Of the verdicts in the history."""
    return sorted(row["id"] for row in History(StoreSettings(url=url), PlantsSettings(), LIMITS).rows(Scope()))


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder, and the memory file system in the place of an object store."""
    return str(tmp_path) if request.param == "file" else f"memory://tidy-{tmp_path.name}/linegate"


def test_days_that_are_over_become_one_file(url: str) -> None:
    """The running day is left as it is while it has few; what comes late is merged at the next time."""
    tidy, files, _ = tidying(url)
    yesterday = NOON - timedelta(days=1)
    for number in range(3):
        archive(url, [verdict(f"a{number}"), verdict(f"b{number}", captured=yesterday)], stem=f"p{number}")
    archive(url, [verdict("b2", captured=yesterday)], stem="again")
    assert tidy.merge(TODAY) == 1
    counts = {day.date: len(files.of(day)) for day in files.days(Scope())}
    assert counts == {TODAY: 3, TODAY - timedelta(days=1): 1}
    wanted = [f"a{n}" for n in range(3)] + [f"b{n}" for n in range(3)]
    assert ids(url) == [f"verdict-{name}" for name in wanted]
    assert tidy.merge(TODAY) == 0
    archive(url, [verdict("late", captured=yesterday)], stem="late")
    assert tidy.merge(TODAY) == 1
    assert len(ids(url)) == 7


def test_a_running_day_with_many_files(url: str) -> None:
    """Is merged when there are enough of them."""
    tidy, files, _ = tidying(url, merge_files=3)
    for number in range(2):
        archive(url, [verdict(str(number))], stem=f"p{number}")
    assert tidy.merge(TODAY) == 0
    archive(url, [verdict("2")], stem="p2")
    assert tidy.merge(TODAY) == 1
    (day,) = files.days(Scope())
    assert len(files.of(day)) == 1
    assert len(ids(url)) == 3


@pytest.mark.parametrize(
    ("sizes", "over", "chosen"),
    [
        ({}, True, []),
        ({"a": 1}, True, []),
        ({"a": 1, "b": SMALL * 2}, True, ["a", "b"]),
        ({"a": 1, "b": 1}, False, []),
        ({"a": 1, "b": 1, "c": 1}, False, ["a", "b", "c"]),
        ({"a": 1, "b": 1, "c": SMALL}, False, []),
        ({"a": 1, "b": 1, "c": 1, "d": SMALL}, False, ["a", "b", "c"]),
    ],
)
def test_what_is_worth_merging(sizes: Mapping[str, int], over: bool, chosen: list[str]) -> None:
    """Of a running day only the small ones, so that rows are not written again and again."""
    assert to_merge(sizes, over=over, enough=3) == chosen


def test_what_is_too_old_goes(url: str) -> None:
    """Pictures and rows each by its own setting."""
    tidy, _, shelf = tidying(url, keep_evidence_days=2, keep_verdicts_days=5)
    for age in range(8):
        archive(url, [verdict(str(age), captured=NOON - timedelta(days=age))])
        shelf.put("munich", TODAY - timedelta(days=age), "photo", "crop", b"x")
    tidy.expire(TODAY)
    tidy.expire(TODAY)
    assert ids(url) == [f"verdict-{age}" for age in range(6)]
    kept = [age for age in range(8) if shelf.get("munich", TODAY - timedelta(days=age), "photo", "crop")]
    assert kept == [0, 1, 2]


def test_zero_keeps_for_ever(url: str) -> None:
    """And so does a number of days beyond the calendar."""
    for days in (0, 10**7):
        tidy, _, shelf = tidying(url, keep_evidence_days=days, keep_verdicts_days=days)
        archive(url, [verdict("1", captured=NOON - timedelta(days=20_000))])
        shelf.put("munich", date(1971, 1, 1), "photo", "crop", b"x")
        tidy.expire(TODAY)
        assert ids(url) == ["verdict-1"]
        assert shelf.get("munich", date(1971, 1, 1), "photo", "crop")


def test_rounds_expire_once_a_day(tmp_path: Path) -> None:
    """And a store that is away is told, and tried again."""
    days = iter([TODAY, TODAY, TODAY + timedelta(days=9)])
    tidy, _, shelf = tidying(str(tmp_path), keep_evidence_days=5)
    keeper = Housekeeper(tidy, interval_s=3600, today=lambda: next(days))
    keeper.round()
    for expected in (True, False):
        shelf.put("munich", TODAY - timedelta(days=9), "photo", "crop", b"x")
        keeper.round()
        assert (shelf.get("munich", TODAY - timedelta(days=9), "photo", "crop") is not None) == expected
    away, _, _ = tidying(str(tmp_path / "nowhere"))
    with pytest.raises(StoreUnavailable):
        away.merge(TODAY)
