"""What the summaries of several conditions share."""

from datetime import timedelta


def length(minutes: float) -> str:
    """A window for people, e.g. `10 min`."""
    if minutes >= 60 and minutes % 60 == 0:
        return f"{minutes / 60:g} h"
    return f"{minutes:g} min" if minutes >= 1 else f"{minutes * 60:g} s"


def window(minutes: float) -> timedelta:
    """A window as a length of time."""
    return timedelta(minutes=minutes)
