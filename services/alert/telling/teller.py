"""Tell every step of every alert on Kafka, in order, once.

One of several workers tells: whoever holds the lease. It publishes in transactions under one transactional id, so that
a forerunner that was stopped, and wakes up believing that it still holds the lease, is fenced off by Kafka. What was
told is read back from the topic by whoever begins; so a step is neither lost nor told twice, whoever dies.
"""

from datetime import timedelta
from typing import Final

import structlog

from services.alert.metrics import AlertMetrics
from services.alert.observation import milliseconds
from services.alert.telling.lease import Lease
from services.alert.telling.told import read_told
from shared.alerts.book import AlertBook
from shared.bus.envelope import encode
from shared.bus.errors import BusError, TransactionAbortedError
from shared.bus.settings import BusSettings
from shared.bus.transactions import Transactions
from shared.errors import LinegateError
from shared.events import now
from shared.serving.background import Background

TRANSACTIONAL_ID: Final = "alert-teller"
WAIT_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 1.0
STOP_SECONDS: Final = 10.0
PAGE: Final = 100
SPARE: Final = timedelta(hours=1)
"""The topic is read back from so much earlier than the log is followed from: Redis' clock and ours may differ."""
_log = structlog.get_logger(__name__)


class _Over(Exception):
    """Stopped, or somebody else tells."""


class AlertTeller(Background):
    """Follows the log of alerts on a thread of its own, for the length of a `with` block.

    Args:
        book: whose log is told.
        lease: of whoever tells.
        bus: how to reach Kafka.
        look_back_s: steps of so many latest seconds are told where they were not.
        metrics: counts what is told.
    """

    def __init__(
        self, book: AlertBook, lease: Lease, bus: BusSettings, *, look_back_s: float, metrics: AlertMetrics
    ) -> None:
        super().__init__("alert-teller", stop_s=STOP_SECONDS)
        self._book = book
        self._lease = lease
        self._bus = bus
        self._look_back = timedelta(seconds=look_back_s)
        self._metrics = metrics
        self._hurdle: str | None = None

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self._lease.hold():
                    self._tell()
                self._stop.wait(WAIT_SECONDS)
            except _Over:
                pass
            except (LinegateError, TransactionAbortedError) as away:
                self._cannot(away)
                self._stop.wait(RETRY_SECONDS)
            except Exception:  # noqa: BLE001 - a thread that died would tell nothing, and nobody would know
                _log.exception("telling alerts failed; it goes on")
                self._stop.wait(RETRY_SECONDS)

    def _tell(self) -> None:
        transactions = Transactions(self._bus, TRANSACTIONAL_ID)
        try:
            transactions.start()
            start = now() - self._look_back
            told = read_told(self._bus, start - SPARE, self._still_ours)
            position = f"{max(0, milliseconds(start))}-0"
            while True:
                self._still_ours()
                position = self._page(transactions, position, told)
                self._hurdle = None
        finally:
            try:
                if self._stop.is_set():
                    self._lease.let_go()
            finally:
                transactions.close()

    def _page(self, transactions: Transactions, position: str, told: set[str]) -> str:
        """Tell what stands in the log after a position; answers the position after that."""
        entries = self._book.log(position, PAGE)
        if not entries:
            told.clear()  # from here on the log only brings what is new
            self._book.wait_for_log(position, WAIT_SECONDS)
            return position
        fresh = [change for _, change in entries if change.id not in told]
        if fresh:
            transactions.publish([encode(change) for change in fresh], {}, None)
            self._metrics.told(fresh)
        return entries[-1][0]

    def _still_ours(self) -> None:
        if self._stop.is_set() or not self._lease.hold():
            raise _Over

    def _cannot(self, error: LinegateError | BusError | TransactionAbortedError) -> None:
        if str(error) != self._hurdle:
            self._hurdle = str(error)
            _log.warning("alerts cannot be told yet", reason=self._hurdle, hint=getattr(error, "hint", None))
