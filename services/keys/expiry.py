"""When a key expires, as people say it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.errors import LinegateError

_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def expiry(text: str, *, now: datetime) -> datetime:
    """`90d`, `12h`, `4w` from `now`, or a moment such as `2027-01-31T00:00:00Z`; in UTC, whole seconds.

    Raises:
        LinegateError: it is none of these, or not in the future.
    """
    if span := _SPAN.fullmatch(text):
        moment = now + int(span[1]) * _UNITS[span[2]]
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise _invalid(text) from None
        if moment.tzinfo is None:
            raise _invalid(text)
    if moment <= now:
        raise LinegateError(f"--expires {text!r} is in the past")
    return moment.astimezone(UTC).replace(microsecond=0)


def _invalid(text: str) -> LinegateError:
    return LinegateError(f"--expires {text!r} is not valid", hint="e.g. 90d, 12h, 4w, 2027-01-31T00:00:00Z")
