"""Tidies at intervals, beside the worker's loop."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final

import structlog

from services.archive.tidy import Tidying
from shared.serving.background import Background
from shared.store import StoreUnavailable

STOP_SECONDS: Final = 20.0
"""A merge under way may delay the end of the process by this much; its rest is done at the next time."""
_log = structlog.get_logger(__name__)


def utc_today() -> date:
    """The day, in UTC."""
    return datetime.now(UTC).date()


class Housekeeper(Background):
    """A round every `interval_s` on a thread of its own, for the length of a `with` block.

    Args:
        tidying: what to do.
        interval_s: seconds between two rounds.
        today: the day, in UTC.
    """

    def __init__(self, tidying: Tidying, *, interval_s: float, today: Callable[[], date] = utc_today) -> None:
        super().__init__("housekeeper", stop_s=STOP_SECONDS)
        self._tidying: Final = tidying
        self._interval: Final = interval_s
        self._today: Final = today
        self._expired: date | None = None

    def round(self) -> None:
        """Merge; once a day also remove what is too old.

        Raises:
            StoreUnavailable: the store cannot be read or written.
        """
        today = self._today()
        self._tidying.merge(today)
        if self._expired != today:
            self._tidying.expire(today)
            self._expired = today

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self.round()
            except StoreUnavailable as away:
                # The step tells the fault: it is what waits.
                _log.warning("the history was not tidied", error=str(away))
            except Exception:  # noqa: BLE001 - tidying may wait; the rows may not
                _log.exception("the history was not tidied")
