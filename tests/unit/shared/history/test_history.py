"""The history counts each verdict once, by the plant's clock, and takes nothing a person gives for SQL."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import Timings
from shared.evidence import EvidenceRef
from shared.history import GROUPINGS, History, Scope, summary_csv, verdicts_csv
from shared.history.columns import COLUMNS
from shared.settings import HistorySettings, StoreSettings
from shared.settings.plants import PlantsSettings
from shared.store import StoreUnavailable
from tests.unit.services.archive.archived import LIMITS, NOON, archive, unfound, verdict
from tests.unit.services.labels.parts import STAMP

PLANTS = PlantsSettings.model_validate({
    "zone": "Asia/Kolkata",
    "named": {
        "munich": {
            "zone": "Europe/Berlin",
            "shifts": [
                {"name": "early", "begin": "06:00"},
                {"name": "late", "begin": "14:00"},
                {"name": "night", "begin": "22:00"},
            ],
        },
    },
})  # fmt: skip


def history(url: str | Path, **more: Any) -> History:
    """What is asked."""
    return History(StoreSettings(url=str(url)), PLANTS, LIMITS.model_copy(update=more))


def counted(answer: Any) -> dict[str | None, tuple[int, int, int]]:
    """Name -> parts, failed, unfound."""
    return {bucket.name: (bucket.parts, bucket.failed, bucket.unfound) for bucket in answer.buckets}


def test_counts_by_what_a_verdict_is_about(tmp_path: Path) -> None:
    """Passed, failed and unfound; the rate; lines of two plants apart, layouts together."""
    archive(tmp_path, [
        verdict("1"), verdict("2", decision="fail"), unfound("3"),
        verdict("4", line="line-2", layout="cn"), verdict("5", plant="pune", layout="cn", decision="fail"),
    ])  # fmt: skip
    asked = history(tmp_path)
    lines = asked.summary("line", Scope())
    assert [(b.plant, b.name, b.parts, b.passed, b.failed, b.unfound) for b in lines.buckets] == [
        ("munich", "line-1", 3, 1, 2, 1), ("munich", "line-2", 1, 1, 0, 0), ("pune", "line-1", 1, 0, 1, 0),
    ]  # fmt: skip
    assert lines.buckets[0].fail_rate == pytest.approx(2 / 3)
    assert (lines.total.parts, lines.total.failed) == (5, 3)
    assert counted(asked.summary("layout", Scope())) == {"us": (3, 2, 1), "cn": (2, 1, 0)}
    assert counted(asked.summary("version", Scope())) == {STAMP.version: (4, 2, 0), None: (1, 1, 1)}
    stations = asked.summary("station", Scope(plant="munich"))
    assert [(b.line, b.name, b.parts) for b in stations.buckets] == [("line-1", "st-40", 3), ("line-2", "st-40", 1)]
    assert counted(asked.summary("plant", Scope())) == {"munich": (4, 2, 1), "pune": (1, 1, 0)}
    assert counted(asked.summary("camera", Scope())) == {"stationary": (5, 3, 1)}


def test_a_verdict_archived_twice_counts_once(tmp_path: Path) -> None:
    """Whatever lies in one file or the other."""
    archive(tmp_path, [verdict(str(n)) for n in range(5)], stem="a")
    archive(tmp_path, [verdict(str(n)) for n in range(3, 9)], stem="b")
    asked = history(tmp_path)
    assert asked.summary("day", Scope()).total.parts == 9
    assert len(asked.verdicts(Scope(), limit=100)) == 9
    assert len(list(asked.rows(Scope()))) == 9


def test_hours_are_those_of_the_plants_clock(tmp_path: Path) -> None:
    """In Kolkata they begin at half past by UTC; days begin at its midnight."""
    at = datetime(2026, 11, 24, 12, 40, tzinfo=UTC)
    archive(tmp_path, [verdict("1", plant="pune", captured=at), verdict("2", captured=at)])
    asked = history(tmp_path)
    begins = [bucket.begin for bucket in asked.summary("hour", Scope()).buckets]
    assert begins == [datetime(2026, 11, 24, 12, 0, tzinfo=UTC), datetime(2026, 11, 24, 12, 30, tzinfo=UTC)]
    days = [bucket.begin for bucket in asked.summary("day", Scope()).buckets]
    assert days == [datetime(2026, 11, 23, 18, 30, tzinfo=UTC), datetime(2026, 11, 23, 23, 0, tzinfo=UTC)]


def test_the_hour_that_comes_twice(tmp_path: Path) -> None:
    """On 25 October 2026 Berlin has 02:00 to 03:00 twice: two hours of one day."""
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    archive(tmp_path, [verdict("1", captured=first), verdict("2", captured=first + timedelta(hours=1))])
    asked = history(tmp_path)
    hours = asked.summary("hour", Scope())
    assert [bucket.begin for bucket in hours.buckets] == [
        datetime(2026, 10, 25, 0, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 0, tzinfo=UTC),
    ]  # fmt: skip
    (day,) = asked.summary("day", Scope()).buckets
    assert day.begin == datetime(2026, 10, 24, 22, 0, tzinfo=UTC)


def test_a_shift_over_midnight_is_one(tmp_path: Path) -> None:
    """And belongs to the day it began on. A plant without shifts has none."""
    midnight = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)  # in Berlin
    hours = {"a": -2, "b": 0, "c": 5, "d": 7}
    made = [verdict(name, captured=midnight + timedelta(hours=h)) for name, h in hours.items()]
    archive(tmp_path, [*made, verdict("e", plant="pune", captured=midnight)])
    asked = history(tmp_path)
    shifts = asked.summary("shift", Scope())
    assert [(b.plant, b.name, b.begin, b.parts) for b in shifts.buckets] == [
        ("munich", "night", datetime(2026, 11, 24, 21, 0, tzinfo=UTC), 3),
        ("munich", "early", datetime(2026, 11, 25, 5, 0, tzinfo=UTC), 1),
        ("pune", None, None, 1),
    ]
    assert counted(asked.summary("shift_name", Scope(plant="munich"))) == {"night": (3, 0, 0), "early": (1, 0, 0)}


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        (Scope(), "12345"),
        (Scope(plant="munich"), "1345"),
        (Scope(plants=("pune", "nowhere")), "2"),
        (Scope(plants=()), ""),
        (Scope(line="line-9"), "3"),
        (Scope(layout="cn"), "4"),
        (Scope(version="us-2"), "5"),
        (Scope(decision="fail"), "4"),
        (Scope(part="P3"), "3"),
        (Scope(since=NOON + timedelta(days=2)), "5"),
        (Scope(until=NOON + timedelta(days=2)), "1234"),
        (Scope(since=NOON, until=NOON + timedelta(seconds=1)), "1234"),
        (Scope(since=NOON + timedelta(days=400)), ""),
    ],
)
def test_what_a_scope_covers(tmp_path: Path, scope: Scope, names: str) -> None:
    """Each filter, alone."""
    newer = STAMP.model_copy(update={"version": "us-2"})
    archive(tmp_path, [
        verdict("1"), verdict("2", plant="pune"), verdict("3", line="line-9"),
        verdict("4", layout="cn", decision="fail"), verdict("5", captured=NOON + timedelta(days=2), model=newer),
    ])  # fmt: skip
    asked = history(tmp_path)
    assert sorted(past.part for past in asked.verdicts(scope, limit=10)) == [f"P{name}" for name in names]
    assert asked.summary("layout", scope).total.parts == len(names)
    assert len(list(asked.rows(scope))) == len(names)


def test_the_history_of_a_part(tmp_path: Path) -> None:
    """Newest first, with all that a person wants to see, and its pictures can be asked for."""
    archive(tmp_path, [
        verdict("1"), verdict("2", part="P1", decision="fail", captured=NOON + timedelta(hours=1)), verdict("3"),
    ])  # fmt: skip
    newest, oldest = history(tmp_path).verdicts(Scope(part="P1"), limit=10)
    assert (newest.image, oldest.image) == ("photo-2", "photo-1")
    assert (newest.decision, newest.failed_checks, newest.score, newest.threshold) == ("fail", ("damage",), 3.0, 2.0)
    assert (newest.peak, newest.version, newest.photo, newest.crop) == ((0.25, 0.5), "us-1", "0@1", "0@2")
    assert newest.captured == NOON + timedelta(hours=1)
    assert EvidenceRef(newest.plant, newest.image, newest.captured, newest.photo, newest.crop).plant == "munich"
    assert [past.image for past in history(tmp_path).verdicts(Scope(part="P1"), limit=1)] == ["photo-2"]


def test_latency_leaves_out_clocks_that_are_off(tmp_path: Path) -> None:
    """Their latency is not to be trusted, their verdict is."""
    archive(tmp_path, [
        *(verdict(str(n), timings=Timings(capture_to_verdict=float(n))) for n in range(1, 102)),
        verdict("off", timings=Timings(capture_to_verdict=9e9, clock_skew=1e6)),
    ])  # fmt: skip
    total = history(tmp_path).summary("plant", Scope()).total
    assert (total.parts, total.latency_p50_ms, total.latency_p95_ms) == (102, 51.0, 96.0)


@pytest.mark.parametrize("by", GROUPINGS)
def test_an_empty_history_is_an_empty_answer(tmp_path: Path, by: Any) -> None:
    """Also one that holds only other plants."""
    asked = history(tmp_path)
    for _ in range(2):
        answer = asked.summary(by, Scope(plant="munich"))
        assert (answer.buckets, answer.total.parts, answer.total.fail_rate) == ((), 0, 0.0)
        assert list(asked.rows(Scope(plant="munich"))) == []
        assert asked.verdicts(Scope(plant="munich", part="P1"), limit=5) == ()
        archive(tmp_path, [verdict("1", plant="pune")])


@pytest.mark.parametrize("by", GROUPINGS)
def test_plants_of_which_nothing_is_set(tmp_path: Path, by: Any) -> None:
    """Each question has its answer without a word in the settings: UTC, and no shifts."""
    archive(tmp_path, [verdict("1"), verdict("2", plant="pune")])
    answer = History(StoreSettings(url=str(tmp_path)), PlantsSettings(), LIMITS).summary(by, Scope())
    assert answer.total.parts == 2
    assert sum(bucket.parts for bucket in answer.buckets) == 2


def test_a_store_that_is_away_is_no_empty_answer(tmp_path: Path) -> None:
    """Nor is a damaged file; both are told."""
    with pytest.raises(StoreUnavailable, match="there is no artifact store"):
        history(tmp_path / "nowhere").summary("day", Scope())
    files = archive(tmp_path, [verdict("1")])
    (day,) = files.days(Scope())
    Path(day.path, "damaged.parquet").write_bytes(b"PAR1nothingPAR1")
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        history(tmp_path).summary("day", Scope())


def test_other_stores_than_folders(tmp_path: Path) -> None:
    """Through fsspec, as with S3."""
    url = f"memory://history-{tmp_path.name}/linegate"
    archive(url, [verdict("1"), verdict("2", decision="fail")])
    assert counted(history(url).summary("layout", Scope(plant="munich"))) == {"us": (2, 1, 0)}


NASTY = st.one_of(
    st.sampled_from(
        ["' OR 1=1 --", "munich'; DROP TABLE x; --", "?", "$1", "%", "*", "../x", "\0", "\N{GREEK SMALL LETTER MU}"]
    ),
    st.text(max_size=20),
)


@settings(max_examples=20)
@given(name=st.sampled_from(["plant", "line", "station", "layout", "camera", "version", "part"]), text=NASTY)
def test_nothing_a_person_gives_is_sql(tmp_path_factory: pytest.TempPathFactory, name: str, text: str) -> None:
    """It names nothing, so it finds nothing, and harms nothing."""
    url = tmp_path_factory.getbasetemp() / "nasty"
    if not url.exists():
        archive(url, [verdict("1")])
    asked = history(url)
    assert asked.verdicts(Scope(**{name: text}), limit=5) == ()
    assert asked.summary("line", Scope(plants=(text, "munich"))).total.parts == 1


def test_columns_of_another_schema(tmp_path: Path) -> None:
    """A file without some columns, or with more, is read with the others."""
    import duckdb

    files = archive(tmp_path, [verdict("1")])
    (day,) = files.days(Scope())
    (path,) = files.of(day)
    duckdb.execute(
        "COPY (SELECT * EXCLUDE (embedding, crop) REPLACE ('verdict-2' AS id), 7 AS added FROM read_parquet(?)) TO ?",
        [path, f"{day.path}/other.parquet"],
    )
    asked = history(tmp_path)
    assert asked.summary("day", Scope()).total.parts == 2
    assert {past.crop for past in asked.verdicts(Scope(), limit=5)} == {"0@2", None}
    Path(path).unlink()
    assert [past.crop for past in asked.verdicts(Scope(), limit=5)] == [None]


def test_too_many_groups_are_cut_off(tmp_path: Path) -> None:
    """By time the newest are kept; the total is over all."""
    archive(tmp_path, [verdict(str(n), captured=NOON + timedelta(hours=n)) for n in range(6)])
    answer = history(tmp_path, max_rows=2).summary("hour", Scope())
    assert answer.truncated
    assert [bucket.begin for bucket in answer.buckets] == [NOON + timedelta(hours=4), NOON + timedelta(hours=5)]
    assert answer.total.parts == 6


def test_the_answers_as_csv(tmp_path: Path) -> None:
    """What a spreadsheet reads is what was asked; a text is never a formula."""
    archive(tmp_path, [verdict("1"), verdict("2", decision="fail", model=STAMP.model_copy(update={"version": "=1+1"}))])
    asked = history(tmp_path)
    table = list(csv.DictReader(io.StringIO("".join(summary_csv(asked.summary("version", Scope()))))))
    assert [(row["name"], row["parts"], row["failed"]) for row in table] == [("'=1+1", "1", "1"), ("us-1", "1", "0")]
    rows = list(csv.DictReader(io.StringIO("".join(verdicts_csv(asked.rows(Scope()))))))
    assert [row["id"] for row in rows] == ["verdict-1", "verdict-2"]
    assert set(rows[0]) == {"plant", "local", *COLUMNS}
    assert rows[0]["captured"] == "2026-11-24T12:00:00+00:00"
    assert rows[0]["local"] == "2026-11-24T13:00:00"
    assert rows[1]["version"] == "'=1+1"
    assert rows[0]["stale"] == "false"


def test_scopes_that_make_no_sense() -> None:
    """Are refused."""
    with pytest.raises(ValueError, match="no offset"):
        Scope(since=datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused
    with pytest.raises(ValueError, match="nothing lies between"):
        Scope(since=NOON, until=NOON)
    with pytest.raises(ValueError, match="memory_mib"):
        HistorySettings(memory_mib=64, threads=16)
