"""Durations, hours and conditions as people write them: what is written is read as the same."""

from datetime import time
from typing import Any, get_args
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.alerts.condition_text import FORMS, format_condition, parse_condition
from shared.alerts.conditions import (
    CONDITIONS,
    Condition,
    DeadLetters,
    EachFail,
    FailRate,
    FailsInWindow,
    FaultRaised,
    NoPhotos,
    NoVerdicts,
    SameRegion,
)
from shared.alerts.durations import format_duration, parse_duration
from shared.alerts.hours import WEEK, ActiveHours
from shared.alerts.hours_text import format_hours, parse_hours
from shared.events import FaultKind

milliseconds = st.integers(1, 86_400_000).map(lambda ms: ms / 1000)


@given(st.just(0.0) | st.floats(0.001, 1e9) | milliseconds | st.integers(0, 10**9).map(float))
def test_a_duration_is_read_as_it_is_written(seconds: float) -> None:
    """Whatever it is."""
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds", "short"),
    [
        ("90s", 90, "1m30s"),
        ("10m", 600, "10m"),
        (" 1H30M ", 5400, "1h30m"),
        ("1.5h", 5400, "1h30m"),
        ("2d", 172_800, "2d"),
        ("0", 0, "0"),
        ("0.5s", 0.5, "0.5s"),
    ],
)
def test_durations(text: str, seconds: float, short: str) -> None:
    """As people write them, and as they are written back."""
    assert parse_duration(text) == seconds
    assert format_duration(seconds) == short


@pytest.mark.parametrize(
    "text", ["", "10", "m", "10 m", "-5m", "5m1h", "1m1m", "1e3s", "10min", "inf", "\u0661m", "1.m"]
)
def test_what_is_no_duration(text: str) -> None:
    """One line that says how to write it."""
    with pytest.raises(ValueError, match=r"is no duration: write e\.g\. 90s, 10m") as caught:
        parse_duration(text)
    assert "\n" not in str(caught.value)


clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0)) | st.times()


@given(
    days=st.sets(st.sampled_from(WEEK), min_size=1).map(lambda days: tuple(day for day in WEEK if day in days)),
    begin=clocks,
    end=clocks,
    zone=st.sampled_from(sorted(available_timezones())),
)
def test_hours_are_read_as_they_are_written(days: Any, begin: time, end: time, zone: str) -> None:
    """Any days, over midnight or not, in any zone."""
    hours = ActiveHours(days=days, begin=begin, end=end, zone=zone)
    assert parse_hours(format_hours(hours)) == hours


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("mon-fri 06:00-14:00 Europe/Berlin", "mon-fri 06:00-14:00 Europe/Berlin"),
        ("Mon-Fri 6:00-14:00", "mon-fri 06:00-14:00 Europe/Paris"),
        ("fri-mon", "mon,fri-sun 00:00-00:00 Europe/Paris"),
        ("22:00-06:00 UTC", "22:00-06:00 UTC"),
        ("sat,sun 00:00-24:00", "sat,sun 00:00-00:00 Europe/Paris"),
        ("mon-sun Asia/Tokyo", "00:00-00:00 Asia/Tokyo"),
    ],
)
def test_hours(text: str, written: str) -> None:
    """What is left out is every day, the whole day, the plant's zone."""
    assert format_hours(parse_hours(text, "Europe/Paris")) == written


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "are no hours"),
        ("mon-fri 06:00-14:00 Mars", "is no time zone"),
        ("mon-fry 06:00-14:00", "'fry' is no day"),
        ("mon-fri 06:00-25:00", "'25:00' is no time of day"),
        ("mon-fri 6-14", "'6' is no time of day"),
        ("06:00-14:00 mon-fri", "is no time zone"),
        ("mon-fri 06:00-14:00 UTC too", "are no hours"),
    ],
)
def test_what_are_no_hours(text: str, told: str) -> None:
    """One line with the reason."""
    with pytest.raises(ValueError, match=told) as caught:
        parse_hours(text)
    assert "\n" not in str(caught.value)


def test_a_time_of_day_has_no_offset() -> None:
    """It could not be compared with the clock of the zone."""
    with pytest.raises(ValidationError, match="has no offset of its own"):
        ActiveHours.model_validate({"begin": "06:00Z"})


minutes = milliseconds.map(lambda seconds: seconds / 60)
shares = st.floats(0.001, 1)
conditions: st.SearchStrategy[Condition] = st.one_of(
    st.just(EachFail()),
    st.builds(FailsInWindow, fails=st.integers(1, 10_000), minutes=minutes),
    st.builds(
        FailRate,
        minutes=minutes,
        parts=st.integers(5, 100_000),
        baseline=st.floats(0, 0.999),
        baseline_hours=st.integers(1, 168 * 3_600_000).map(lambda ms: ms / 1000 / 3600),
        factor=st.floats(1, 100),
        confidence=st.floats(0.501, 0.999),
    ),
    st.builds(FailRate, minutes=st.integers(1, 1439).map(float), parts=st.just(30)),
    st.builds(SameRegion, parts=st.integers(2, 100), radius=shares, passes_between=st.integers(0, 100)),
    st.builds(NoPhotos, minutes=minutes),
    st.builds(NoVerdicts, minutes=minutes),
    st.builds(DeadLetters, letters=st.integers(1, 10_000), minutes=minutes),
    st.lists(st.sampled_from(get_args(FaultKind)), unique=True).map(lambda kinds: FaultRaised(kinds=tuple(kinds))),
)


@given(conditions)
def test_a_condition_is_read_as_it_is_written(condition: Condition) -> None:
    """With all its fields."""
    assert parse_condition(format_condition(condition)) == condition


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("each-fail", EachFail()),
        ("fails=3/10m", FailsInWindow(fails=3, minutes=10)),
        ("fail-rate", FailRate()),
        ("fail-rate=30m,baseline=0.02,factor=3", FailRate(minutes=30, baseline=0.02, factor=3)),
        ("fail-rate,history=12h", FailRate(baseline_hours=12)),
        ("same-region=3", SameRegion(parts=3)),
        ("same-region,radius=0.2", SameRegion(radius=0.2)),
        ("no-photos=10m", NoPhotos(minutes=10)),
        ("no-verdicts=90s", NoVerdicts(minutes=1.5)),
        ("dead-letters=5/10m", DeadLetters(letters=5, minutes=10)),
        ("fault=drift", FaultRaised(kinds=FaultRaised.DRIFT)),
        ("fault=rollout", FaultRaised(kinds=("rollout_breach",))),
        ("fault=any", FaultRaised()),
        ("fault", FaultRaised()),
        ("fault=drift,store_away", FaultRaised(kinds=(*FaultRaised.DRIFT, "store_away"))),
    ],
)
def test_conditions(text: str, condition: Condition) -> None:
    """As the pages show them."""
    assert parse_condition(text) == condition


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no condition: one of each-fail, fails=3/10m"),
        ("fail", "is no condition: one of each-fail"),
        ("each-fail=3", "it takes no value"),
        ("fails=3", "it needs how many, and within how long"),
        ("fails=x/10m", "fails: must be a valid integer"),
        ("fails=0/10m", "fails: must be greater than or equal to 1"),
        ("fails=3/2d", "minutes: must be less than or equal to 1440"),
        ("fails=3/ten", "'ten' is no duration"),
        ("no-photos", "'' is no duration"),
        ("no-photos=0", "minutes: must be greater than 0"),
        ("fail-rate=3h,history=2h", "baseline_hours must be longer"),
        ("fail-rate,colour=red", "'colour=red' is none of parts=…, baseline=…"),
        ("same-region=1", "parts: must be greater than or equal to 2"),
        ("fault=flood", "'flood' is none of any, drift, rollout, model_not_loaded"),
    ],
)
def test_what_is_no_condition(text: str, told: str) -> None:
    """One line with the reason, and how to write it."""
    with pytest.raises(ValueError, match=r"is no condition") as caught:
        parse_condition(text)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_kind_of_condition_can_be_written() -> None:
    """A new kind needs a form."""
    assert len(FORMS) == len(CONDITIONS)
    adapter: TypeAdapter[Condition] = TypeAdapter(Condition)
    for kind in CONDITIONS:
        condition = adapter.validate_python({"kind": kind})
        assert parse_condition(format_condition(condition)) == condition
