"""When to try again. Pure.

Exponential back-off with full jitter: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. The
wait is drawn from the whole range, so receivers that come back are not met by all messages at once.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from shared.settings.notify import NotifySettings

SHORTEST_S: Final = 1.0
"""No two attempts are closer than this, whatever is drawn; but for a first wait that is set shorter."""
SLOW_S: Final = 3600.0
"""The usual wait where a person has to change something before it can work."""
_MOST_DOUBLINGS: Final = 64
Draw = Callable[[], float]
"""A number from [0, 1), e.g. `random.random`."""


def next_attempt(
    schedule: NotifySettings,
    *,
    attempt: int,
    since: datetime,
    at: datetime,
    draw: Draw,
    retry_after_s: float | None = None,
    slowly: bool = False,
) -> datetime | None:
    """When to try again after attempt number `attempt` failed.

    Args:
        schedule: the first and the longest wait, and when to give up.
        attempt: the first is 1.
        since: when the message was made or put back.
        at: the present.
        draw: chance.
        retry_after_s: what the receiver asked for; at least that is waited, though never longer than the longest wait.
        slowly: wait as after many attempts.

    Returns:
        None where it is given up. The last attempt is made when the time for all of them is over.
    """
    end = since + timedelta(seconds=schedule.give_up_after_s)
    if at >= end:
        return None
    wait = _drawn(schedule, attempt, draw=draw, slowly=slowly)
    if retry_after_s is not None:
        wait = max(wait, min(retry_after_s, schedule.longest_retry_s))
    return min(at + timedelta(seconds=wait), max(end, at + timedelta(seconds=shortest_s(schedule))))


def shortest_s(schedule: NotifySettings) -> float:
    """The shortest wait, in seconds."""
    return min(SHORTEST_S, schedule.first_retry_s)


def ceiling_s(schedule: NotifySettings, attempt: int) -> float:
    """The longest wait after attempt number `attempt`, in seconds."""
    # Past some doublings the longest wait is reached anyway, and a float would overflow.
    return float(min(schedule.longest_retry_s, schedule.first_retry_s * 2 ** min(attempt - 1, _MOST_DOUBLINGS)))


def retry_after_s(value: str | None, at: datetime) -> float | None:
    """The header `Retry-After` (RFC 9110, 10.2.3) as seconds from `at`; None where it is absent or cannot be read."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - at).total_seconds())
    except (ValueError, OverflowError):
        return None


def _drawn(schedule: NotifySettings, attempt: int, *, draw: Draw, slowly: bool) -> float:
    if slowly:
        most = min(schedule.longest_retry_s, max(SLOW_S, ceiling_s(schedule, attempt)))
        return max(shortest_s(schedule), most * (1 + draw()) / 2)
    return max(shortest_s(schedule), ceiling_s(schedule, attempt) * draw())
