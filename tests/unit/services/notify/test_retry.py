"""When it is tried again: whatever chance draws, within bounds."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.retry import SHORTEST_S, ceiling_s, next_attempt, retry_after_s
from shared.settings.notify import NotifySettings

USUAL = NotifySettings()
AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
draws = st.floats(0, 1, exclude_max=True)
attempts = st.integers(1, 10_000)
schedules = st.builds(
    lambda first, factor, span: NotifySettings(
        first_retry_s=first, longest_retry_s=first * factor, give_up_after_s=span
    ),
    st.floats(0.01, 100),
    st.floats(1, 10_000),
    st.floats(1, 1e6),
)


@given(schedule=schedules, attempt=attempts, drawn=draws)
def test_the_wait_is_within_bounds(schedule: NotifySettings, attempt: int, drawn: float) -> None:
    """Full jitter: from almost nothing to the ceiling, which doubles up to the longest wait."""
    at = next_attempt(schedule, attempt=attempt, since=AT, at=AT, draw=lambda: drawn)
    assert at is not None
    wait = (at - AT).total_seconds()
    ceiling = ceiling_s(schedule, attempt)
    assert min(SHORTEST_S, schedule.first_retry_s) * 0.999 - 1e-5 <= wait
    assert wait <= max(ceiling, min(SHORTEST_S, schedule.first_retry_s)) + 1e-5
    assert ceiling <= schedule.longest_retry_s
    assert ceiling == min(schedule.longest_retry_s, schedule.first_retry_s * 2.0 ** min(attempt - 1, 64))


def test_the_usual_schedule() -> None:
    """5 s, doubling to 6 h."""
    assert [ceiling_s(USUAL, attempt) for attempt in (1, 2, 3, 4, 13, 14, 100_000)] == [
        5, 10, 20, 40, 20_480, 21_600, 21_600,
    ]  # fmt: skip


def test_waits_are_spread_over_the_whole_range() -> None:
    """Not around the ceiling: the mean of many is half of it."""
    chance = random.Random(0)  # noqa: S311 - no secret
    waits = []
    for _ in range(2000):
        at = next_attempt(USUAL, attempt=8, since=AT, at=AT, draw=chance.random)
        assert at is not None
        waits.append((at - AT).total_seconds())
    ceiling = ceiling_s(USUAL, 8)
    assert mean(waits) == pytest.approx(ceiling / 2, rel=0.05)
    assert min(waits) < ceiling * 0.01
    assert max(waits) > ceiling * 0.99


@given(schedule=schedules, seed=st.integers(), slow=st.booleans())
def test_all_attempts_together_take_as_long_as_they_may(schedule: NotifySettings, seed: int, slow: bool) -> None:
    """Then the last one is made, and the message is given up; at no time thousands of attempts in a row."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    at, attempt, made = AT, 1, [AT]
    while True:
        following = next_attempt(schedule, attempt=attempt, since=AT, at=at, draw=chance.random, slowly=slow)
        if following is None or len(made) > 3000:
            break
        assert following > at
        at, attempt = following, attempt + 1
        made.append(at)
    if following is None:
        span = (made[-1] - AT).total_seconds()
        assert schedule.give_up_after_s - 1e-3 <= span <= schedule.give_up_after_s + SHORTEST_S


def test_three_days_are_a_bounded_number_of_attempts() -> None:
    """Some forty."""
    for seed in range(20):
        chance = random.Random(seed)  # noqa: S311 - no secret
        at, attempt = AT, 1
        while (following := next_attempt(USUAL, attempt=attempt, since=AT, at=at, draw=chance.random)) is not None:
            at, attempt = following, attempt + 1
        assert at - AT == timedelta(days=3)
        assert 20 < attempt < 60


@given(attempt=attempts, drawn=draws, asked=st.floats(0, 1e9))
def test_what_the_receiver_asks_for_is_kept(attempt: int, drawn: float, asked: float) -> None:
    """At least that, but never longer than the longest wait of our own."""
    at = next_attempt(USUAL, attempt=attempt, since=AT, at=AT, draw=lambda: drawn, retry_after_s=asked)
    assert at is not None
    wait = (at - AT).total_seconds()
    assert wait >= min(asked, USUAL.longest_retry_s) - 1e-5
    assert wait <= USUAL.longest_retry_s + 1e-5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("120", 120), (" 7 ", 7), ("0", 0), ("-5", None), ("1.5", None), ("soon", None), ("", None),
        ("9" * 400, 999_999_999_999), ("Tue, 24 Nov 2026 08:01:00 GMT", 60), ("Tue, 24 Nov 2026 07:00:00 GMT", 0),
        ("Tue, 24 Nov 2026 08:01:00 -0000", 60), ("Tue, 99 Nov 2026 08:01:00 GMT", None), ("²", None),
    ],
)  # fmt: skip
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Both forms of RFC 9110; nonsense counts as absent."""
    assert retry_after_s(value, AT) == seconds


@given(st.text())
def test_retry_after_never_fails(value: str) -> None:
    """Whatever a receiver sends."""
    found = retry_after_s(value, AT)
    assert found is None or found >= 0


@given(st.integers(0, 10**6))
def test_retry_after_as_a_date(seconds: int) -> None:
    """To the second."""
    moment = AT + timedelta(seconds=seconds)
    assert retry_after_s(format_datetime(moment, usegmt=True), AT) == seconds
