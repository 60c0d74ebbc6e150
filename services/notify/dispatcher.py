"""Claim the lanes that are due, and deliver each on a thread of its own."""

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from services.notify.metrics import NotifyMetrics
from services.notify.record import Attempted
from shared.alerts.delivery import Claimed
from shared.alerts.outbox import Outbox
from shared.faults import FaultSink, Report
from shared.registry.errors import RegistryError
from shared.settings.notify import NotifySettings

POLL_SECONDS: Final = 0.2
RETRY_SECONDS: Final = 1.0
SWEEP_SECONDS: Final = 60.0
LOOKED_AT: Final = 1000
"""Lanes that are due of which those are sought that may be claimed."""
_log = structlog.get_logger(__name__)


class Dispatcher:
    """Runs deliveries side by side, at most one per lane.

    Half of the threads are kept for messages that are tried for the first time: receivers that hang take no more than
    the other half with their repetitions.

    Args:
        outbox: where the lanes are.
        attempt: tries one message, see `Courier`.
        record: what became of it, see `Recorder`.
        settings: how many at once, and how long a lease is.
        sweep: called every minute, e.g. to forget what is left of removed subscriptions.
        faults: told while Redis is away.
        metrics: told how many messages wait.
    """

    def __init__(
        self,
        outbox: Outbox,
        attempt: Callable[[Claimed], Attempted | None],
        record: Callable[[Attempted], None],
        settings: NotifySettings,
        *,
        sweep: Callable[[], None],
        faults: FaultSink,
        metrics: NotifyMetrics,
    ) -> None:
        self._outbox = outbox
        self._attempt = attempt
        self._record = record
        self._settings = settings
        self._sweep = sweep
        self._faults = faults
        self._metrics = metrics
        self._lock = threading.Lock()
        self._active: dict[str, Claimed] = {}
        self._idle = threading.Condition(self._lock)
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._beat = time.monotonic()
        self._renewed = self._swept = float("-inf")
        self._answers = False

    @property
    def beat_age_s(self) -> float:
        """How long ago the loop went round."""
        return time.monotonic() - self._beat

    @property
    def answers(self) -> bool:
        """Whether Redis answered when it was last asked."""
        return self._answers

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set; then what is under way may still end, for as long as an exchange may take."""
        while not stop.is_set():
            self._beat = time.monotonic()
            self._wake.clear()
            try:
                self._renew()
                self._claim(stop)
                self._look()
            except RegistryError as away:
                self._cannot(away)
                stop.wait(RETRY_SECONDS)
            else:
                self._can()
                self._wake.wait(POLL_SECONDS)
        self._stop.set()
        with self._idle:
            self._idle.wait_for(lambda: not self._active, timeout=self._settings.timeout_s + RETRY_SECONDS)

    def _claim(self, stop: threading.Event) -> None:
        free = self._settings.threads - len(self._active)
        if free <= 0:
            return
        for lane in self._outbox.due(LOOKED_AT):
            if free <= 0 or stop.is_set():
                return
            with self._lock:
                if lane in self._active:
                    continue
                repeats = sum(claimed.attempt > 1 for claimed in self._active.values())
            claimed = self._outbox.claim(
                lane, lease_s=self._settings.lease_s, repeats=repeats < self._settings.threads // 2
            )
            if claimed is not None:
                free -= 1
                with self._lock:
                    self._active[lane] = claimed
                threading.Thread(target=self._deliver, args=(claimed,), name=f"deliver {lane}", daemon=True).start()

    def _deliver(self, claimed: Claimed) -> None:
        try:
            made = self._attempt(claimed)
            if made is not None:
                self._insist(made)
        except RegistryError as away:
            # The lease runs out, and the message is tried again.
            _log.warning("a message waits: Redis does not answer", message=claimed.id, reason=str(away), hint=away.hint)
        except Exception:  # noqa: BLE001 - a thread that died would keep its lane out of reach until the lease is over, unseen
            _log.exception("a delivery failed", message=claimed.id, lane=claimed.lane)
        finally:
            with self._idle:
                del self._active[claimed.lane]
                self._idle.notify_all()
            self._wake.set()

    def _insist(self, made: Attempted) -> None:
        """What was delivered should not be delivered again because Redis was away for a moment."""
        while True:
            try:
                return self._record(made)
            except RegistryError as away:
                if self._stop.wait(RETRY_SECONDS):
                    raise
                _log.warning("a delivery cannot be recorded yet", reason=str(away), hint=away.hint)

    def _renew(self) -> None:
        if time.monotonic() - self._renewed > self._settings.lease_s / 3:
            with self._lock:
                active = list(self._active.values())
            self._outbox.renew(active, lease_s=self._settings.lease_s)
            self._renewed = time.monotonic()

    def _look(self) -> None:
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._metrics.waiting(sum(lane.messages for lane in self._outbox.waiting()))
            self._sweep()
            self._swept = time.monotonic()

    def _can(self) -> None:
        self._faults.cleared("registry_away")
        if not self._answers:
            _log.info("the outboxes can be read")
        self._answers = True

    def _cannot(self, away: RegistryError) -> None:
        self._faults.raised(Report("registry_away", "error", str(away), hint=away.hint))
        if self._answers:
            _log.warning("the outboxes cannot be read", reason=str(away), hint=away.hint)
        self._answers = False
