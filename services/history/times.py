"""Times as people write them on a command line."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.errors import LinegateError

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str | None, *, zone: str, now: datetime) -> datetime | None:
    """`90m`, `12h`, `7d` or `2w` before now, a day, or an ISO 8601 time; without an offset by the clock of `zone`.

    Raises:
        LinegateError: it is none of these.
    """
    if text is None:
        return None
    try:
        if text[-1:] in _UNITS:
            found = now - timedelta(**{_UNITS[text[-1]]: float(text[:-1])})
        else:
            found = datetime.fromisoformat(text)
            found = found.replace(tzinfo=ZoneInfo(zone)) if found.tzinfo is None else found
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise LinegateError(f"{text!r} is no time", hint="write 90m, 12h, 7d, 2026-11-24 or 2026-11-24T06:00") from None
