"""How far back a command looks, as people write it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from training.arguments import ArgumentRejected

_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def since(text: str | None, *, now: datetime) -> datetime | None:
    """`30d`, `12h`, `90m`, `4w` before `now`, or a moment such as `2026-11-01T06:00:00Z`; None for None.

    Raises:
        ArgumentRejected: it is neither, or a time to come.
    """
    if text is None:
        return None
    try:
        if match := re.fullmatch(r"(\d{1,6})([mhdw])", text):
            return now - int(match[1]) * _UNITS[match[2]]
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ArgumentRejected(f"--since {text!r} is no time", hint="e.g. 30d, 12h, 2026-11-01T06:00:00Z") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if moment > now:
        raise ArgumentRejected(f"--since {text} is still to come")
    return moment
