"""The steps of one alert, read from the log of all."""

from datetime import timedelta
from typing import Final

from shared.alerts.book import AlertBook
from shared.alerts.records import Alert
from shared.events import AlertChanged

SKEW: Final = timedelta(minutes=5)
"""Entries are found by Redis' clock, alerts tell theirs by that of their worker."""
_PAGE: Final = 500
_PAGES: Final = 40
"""At most so many pages are read: an alert that stays open for weeks has few steps, but others have many meanwhile."""


def steps_of(book: AlertBook, alert: Alert) -> tuple[list[AlertChanged], bool]:
    """The steps of an alert, oldest first, and whether that is all of them.

    Raises:
        RegistryUnavailable: Redis is away.
    """
    since = f"{int((alert.since - SKEW).timestamp() * 1000)}-0"
    found: list[AlertChanged] = []
    for _ in range(_PAGES):
        entries = book.log(since, _PAGE)
        found += [change for _, change in entries if change.alert == alert.id]
        if len(found) >= alert.steps or len(entries) < _PAGE:
            break
        since = entries[-1][0]
    return found, len(found) >= alert.steps
