"""Active hours."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.alerts.hours import WEEK, ActiveHours

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 23, tzinfo=BERLIN)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


def at(hour: int, minute: int = 0, *, day: int = 0) -> datetime:
    """A moment of the week of `MONDAY`, by the clock of Berlin."""
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


def test_begin_is_in_and_end_is_out() -> None:
    """Shifts that follow each other share no moment."""
    hours = ActiveHours(begin=time(6), end=time(14), zone="Europe/Berlin")
    assert [hours.contains(at(*clock)) for clock in ((5, 59), (6, 0), (13, 59), (14, 0))] == [False, True, True, False]


def test_the_zone_decides() -> None:
    """Six o'clock in Berlin is five in UTC, in winter."""
    hours = ActiveHours(begin=time(6), end=time(14), zone="Europe/Berlin")
    assert hours.contains(datetime(2026, 11, 23, 5, 0, tzinfo=UTC))
    assert not hours.contains(datetime(2026, 11, 23, 13, 30, tzinfo=UTC))


def test_a_night_shift_belongs_to_the_day_it_begins() -> None:
    """Friday's night shift ends on Saturday morning, although Saturday is free."""
    hours = ActiveHours(days=("fri",), begin=time(22), end=time(6), zone="Europe/Berlin")
    assert hours.contains(at(23, day=4))
    assert hours.contains(at(5, 59, day=5))
    assert not hours.contains(at(6, day=5))
    assert not hours.contains(at(23, day=5))
    assert not hours.contains(at(3, day=4))


@given(moments)
def test_the_default_is_always(moment: datetime) -> None:
    """Every day, all day."""
    assert ActiveHours().contains(moment)


@given(moments, st.times(), st.times(), st.sets(st.sampled_from(WEEK), min_size=1))
def test_every_moment_is_in_a_span_or_in_its_complement(
    moment: datetime, begin: time, end: time, days: set[str]
) -> None:
    """`begin` to `end` and `end` to `begin`, every day, make up the day: no moment is in both or in none."""
    if begin == end:
        return
    span = ActiveHours(begin=begin, end=end, zone="Europe/Berlin")
    rest = ActiveHours(begin=end, end=begin, zone="Europe/Berlin")
    assert span.contains(moment) != rest.contains(moment)
    some = ActiveHours(days=tuple(sorted(days)), begin=begin, end=end, zone="Europe/Berlin")
    assert not some.contains(moment) or span.contains(moment)


def test_an_unknown_zone_is_refused() -> None:
    """One clear line."""
    with pytest.raises(ValidationError, match="is no time zone of the IANA database"):
        ActiveHours(zone="Bavaria")
