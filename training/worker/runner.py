"""Takes one job after the other from the board."""

import logging
import threading
from types import TracebackType
from typing import Final, Self

from shared.bus.errors import BusError
from shared.faults import Report
from training.worker.attempt import Attempt, Bench
from training.worker.board import BoardLost, BoardUnavailable, Claim
from training.worker.refill import refill

log = logging.getLogger(__name__)
LOOK_S: Final = 1.0
"""How often an idle worker looks at the board: a job whose worker died shows nowhere else."""
PAUSE_S: Final = 2.0


class Runner:
    """Works in a thread of its own for the length of a `with` block.

    Args:
        bench: of the worker.
        stop: set when the worker is to end; the runner sets it when it cannot go on.
    """

    def __init__(self, bench: Bench, stop: threading.Event) -> None:
        self._bench: Final = bench
        self._stop: Final = stop
        self._arrived: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="runner")
        self._error: BaseException | None = None

    def arrived(self) -> None:
        """There may be something new on the board."""
        self._arrived.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop, and wait for the end of what it is at; raises what ended it before its time."""
        self._stop.set()
        self._arrived.set()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised at the end of the block, in the thread that started this
            if isinstance(error, BusError):
                told = f"the worker ended: {error}"
                self._bench.faults.raised(Report("kafka_failed", "critical", told, hint=error.hint))
            self._error = error
            self._stop.set()

    def _work(self) -> None:
        # A Redis that came back with older data has a board that lacks jobs, and no way to tell.
        fill = True
        while not self._stop.is_set():
            try:
                if fill:
                    self._fill()
                    fill = False
                claim = self._claim()
            except BoardLost as lost:
                log.warning("%s: it is filled from the topics", lost)
                fill = True
                continue
            except BoardUnavailable as away:
                self._bench.faults.raised(Report("registry_away", "error", str(away), hint=away.hint))
                log.warning("no job can be taken: %s", away)
                self._stop.wait(PAUSE_S)
                continue
            self._bench.faults.cleared("registry_away")
            if claim is None:
                self._arrived.wait(LOOK_S)
                self._arrived.clear()
                continue
            log.info("job %s is begun, attempt %d", claim.job, claim.facts.attempts)
            Attempt(self._bench, claim, self._stop).run()

    def _fill(self) -> None:
        settings = self._bench.settings
        refill(self._bench.board, settings.bus, settings.training.data_roots)

    def _claim(self) -> Claim | None:
        return self._bench.board.claim(self._bench.worker, lease_s=self._bench.settings.training.lease_s)
