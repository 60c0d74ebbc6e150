"""What the page of the history asks, and what it draws of the answer."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.pages.history.asked import Asked, scope
from services.console.pages.history.view import MOST_BARS, MOST_SLOTS, TABLE_ROWS, page, same_days, timeline
from shared.history import Bucket, Grouping, Scope, Summary

NOW = datetime(2026, 11, 24, 13, 30, tzinfo=UTC)
BERLIN, CHICAGO = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Chicago")


def bucket(
    begin: datetime | None = None,
    *,
    parts: int = 10,
    failed: int = 1,
    plant: str | None = None,
    name: str | None = None,
) -> Bucket:
    """A group."""
    return Bucket(plant, name, None, begin, parts, failed, 0, 100.0, 150.0, 200.0)


def answer(by: Grouping, *buckets: Bucket) -> Summary:
    """The history's."""
    total = bucket(parts=sum(one.parts for one in buckets), failed=sum(one.failed for one in buckets))
    return Summary(by, Scope(), buckets, total)


@pytest.mark.parametrize(
    ("query", "since", "until"),
    [
        ({}, NOW - timedelta(hours=24), None),
        ({"period": "7d", "since": "2026-01-01"}, NOW - timedelta(days=7), None),
        (
            {"period": "days", "since": "2026-10-25", "until": "2026-10-25"},
            datetime(2026, 10, 24, 22, tzinfo=UTC),
            datetime(2026, 10, 25, 23, tzinfo=UTC),
        ),
        ({"period": "days", "since": "2026-11-02"}, datetime(2026, 11, 1, 23, tzinfo=UTC), None),
        ({"period": "days", "until": "2026-11-02"}, None, datetime(2026, 11, 2, 23, tzinfo=UTC)),
        (
            {"period": "days", "since": "2026-11-03", "until": "2026-11-02"},
            datetime(2026, 11, 1, 23, tzinfo=UTC),
            datetime(2026, 11, 3, 23, tzinfo=UTC),
        ),
        ({"period": "days", "since": "9999-12-31", "until": "0001-01-01"}, None, None),
        ({"period": "days"}, None, None),
    ],
)
def test_days_are_days_of_the_plant(query: dict[str, str], since: datetime | None, until: datetime | None) -> None:
    """Also the one of 25 hours; days the wrong way round are put right, and impossible ones passed over."""
    told = scope(Asked.model_validate(query), plant="munich", plants=None, zone=BERLIN, now=NOW)
    assert (told.since, told.until) == (since, until)


@given(st.dictionaries(st.sampled_from(["by", "period", "since", "until"]), st.text(max_size=12)))
def test_whatever_a_browser_sends_is_a_question(query: dict[str, str]) -> None:
    """What is not understood is as if it were not there."""
    asked = Asked.model_validate(query)
    scope(asked, plant=None, plants=("munich",), zone=CHICAGO, now=NOW)
    again = {name: value for name, value in asked.query().items() if value is not None}
    assert Asked.model_validate(again).query() == asked.query()


def test_filters_that_are_empty_ask_for_nothing() -> None:
    """As a form sends them."""
    asked = Asked.model_validate({"line": " line-1 ", "layout": "", "version": "  "})
    told = scope(asked, plant=None, plants=("munich",), zone=BERLIN, now=NOW)
    assert (told.line, told.layout, told.version, told.plants) == ("line-1", None, None, ("munich",))


def test_an_hour_without_parts_is_a_gap() -> None:
    """Not a shorter line, and not a rate of zero."""
    start = datetime(2026, 11, 24, 6, tzinfo=UTC)
    told = timeline(answer("hour", bucket(start), bucket(start + timedelta(hours=3), failed=5)))
    assert len(told.slots) == 4
    assert told.lines[0].values == (0.1, None, None, 0.5)
    assert told.parts == (10, 0, 0, 10)


def test_a_gap_of_years_does_not_fill_the_page() -> None:
    """It ends somewhere."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    told = timeline(answer("hour", bucket(start), bucket(NOW.replace(minute=0))))
    assert len(told.slots) == MOST_SLOTS + 1
    assert told.lines[0].values[0] == told.lines[0].values[-1] == 0.1


def test_shifts_have_a_line_for_each_plant() -> None:
    """Of few plants; many are one line, since nobody can tell so many colours apart."""
    at = datetime(2026, 11, 24, 5, tzinfo=UTC)
    few = timeline(answer("shift", *(bucket(at, plant=name, name="early") for name in ("munich", "austin"))))
    assert [line.plant for line in few.lines] == ["austin", "munich"]
    assert len({line.kind for line in few.lines}) == 2
    many = timeline(answer("shift", *(bucket(at, plant=f"p{n}", name="early") for n in range(9))))
    assert [(line.plant, line.values) for line in many.lines] == [(None, (0.1,))]
    assert many.parts == (90,)


def test_days_around_a_change_of_the_clocks_are_all_there() -> None:
    """A day of 25 hours, and one of 23, are no gaps."""
    for first in (datetime(2026, 10, 23, 22, tzinfo=UTC), datetime(2026, 3, 27, 23, tzinfo=UTC)):
        begins = [(first.astimezone(BERLIN).replace(tzinfo=None) + timedelta(days=n)) for n in range(4)]
        buckets = [bucket(begin.replace(tzinfo=BERLIN).astimezone(UTC)) for begin in begins]
        told = timeline(same_days(answer("day", *buckets), lambda _: BERLIN, BERLIN))
        assert told.lines[0].values == (0.1,) * 4


def test_groups_side_by_side_begin_with_the_worst() -> None:
    """As bars and in the table; by time the newest is first in the table."""
    told = page(answer("layout", bucket(name="eu"), bucket(name="jp", failed=4), bucket(name="us", failed=0)))
    assert [(bar.bucket.name, bar.width) for bar in told.bars] == [("jp", 100), ("eu", 25), ("us", 0)]
    assert [one.name for one in told.rows] == ["jp", "eu", "us"]
    assert told.timeline is None
    by_time = page(answer("hour", *(bucket(NOW + timedelta(hours=n)) for n in range(TABLE_ROWS + 7))))
    assert by_time.rows[0].begin == NOW + timedelta(hours=TABLE_ROWS + 6)
    assert (len(by_time.rows), by_time.cut, by_time.bars) == (TABLE_ROWS, 7, ())


def test_nothing_and_too_much() -> None:
    """An empty answer draws nothing; of a great many groups the first are drawn."""
    empty = page(answer("hour"))
    assert empty.empty
    assert empty.timeline is None
    spotless = page(answer("version", *(bucket(name=f"v{n}", failed=0) for n in range(MOST_BARS + 5))))
    assert len(spotless.bars) == MOST_BARS
    assert all(bar.width == 0 for bar in spotless.bars)
