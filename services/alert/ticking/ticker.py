"""What goes by the clock: windows that close, what is missing, and what open alerts need."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.alert.desk_watcher import DeskSnapshot, DeskWatcher
from services.alert.metrics import AlertMetrics
from services.alert.ticking.closing import Closing
from services.alert.ticking.missing import Missing, Moments, Open
from services.alert.ticking.settled import Settled
from services.alert.ticking.tending import Tending, standing_of
from shared.alerts.book import AlertBook
from shared.bus.errors import KafkaFailedError
from shared.errors import LinegateError
from shared.registry.errors import RegistryError
from shared.serving.background import Background

STOP_SECONDS: Final = 15.0
_log = structlog.get_logger(__name__)


class Ticker(Background):
    """Looks again and again on a thread of its own, for the length of a `with` block.

    Any number of workers may do so at once: triggers count once, and steps are taken on what was seen.

    Args:
        watch: subscriptions and silences.
        photos: until when every photo is counted.
        verdicts: until when every verdict is.
        closing: decides windows.
        missing: sees where nothing comes.
        tending: looks after open alerts.
        book: of alerts.
        lateness_s: of photos, in seconds.
        look_s: time between two looks, in seconds.
        clock: the present.
        metrics: told how far behind decisions are.
    """

    def __init__(
        self,
        watch: DeskWatcher,
        *,
        photos: Settled,
        verdicts: Settled,
        closing: Closing,
        missing: Missing,
        tending: Tending,
        book: AlertBook,
        lateness_s: float,
        look_s: float,
        clock: Callable[[], datetime],
        metrics: AlertMetrics,
    ) -> None:
        super().__init__("alert-ticker", stop_s=STOP_SECONDS)
        self._watch = watch
        self._photos = photos
        self._verdicts = verdicts
        self._closing = closing
        self._missing = missing
        self._tending = tending
        self._book = book
        self._lateness = timedelta(seconds=lateness_s)
        self._look_s = look_s
        self._clock = clock
        self._metrics = metrics
        self._hurdles: dict[str, str] = {}
        self._beat = time.monotonic()

    @property
    def beat_age_s(self) -> float:
        """Seconds since it last looked."""
        return time.monotonic() - self._beat

    def look(self) -> None:
        """One look. What fails is logged, and is tried again with the next one; the rest goes on without it."""
        at = self._clock()
        self._try("where photos wait", lambda: self._photos.look(at))
        self._try("where verdicts wait", lambda: self._verdicts.look(at))
        moments = Moments(self._photos.moment, self._verdicts.moment)
        if moments.photos is not None:
            self._metrics.behind((at - moments.photos).total_seconds())
        snapshot = self._watch.snapshot
        if snapshot is None:
            return
        if moments.photos is not None:
            before = moments.photos - self._lateness
            self._try("windows", lambda: self._closing.look(snapshot, before))
        self._try("what is missing", lambda: self._missing.look(snapshot, moments, lambda: self._open(snapshot)))
        self._try("open alerts", lambda: self._tending.look(moments))

    def _open(self, snapshot: DeskSnapshot) -> list[Open]:
        return standing_of(self._book.open_alerts(), snapshot)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._beat = time.monotonic()
            self.look()
            self._stop.wait(self._look_s)

    def _try(self, what: str, do: Callable[[], object]) -> None:
        try:
            do()
            self._hurdles.pop(what, None)
        except (KafkaFailedError, RegistryError) as away:
            self._cannot(what, away)
        except Exception:  # noqa: BLE001 - a thread that died would look no more, and nobody would know
            _log.exception("looking failed; it goes on", what=what)

    def _cannot(self, what: str, error: LinegateError) -> None:
        if self._hurdles.get(what) != str(error):
            self._hurdles[what] = str(error)
            _log.warning("cannot look yet", what=what, reason=str(error), hint=error.hint)
