"""Wait for Redis and the store: what was made is not thrown away because they are away for a while."""

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from shared.errors import LinegateError
from shared.faults import FaultSink, Report
from shared.registry.errors import RegistryUnavailable
from shared.store import StoreUnavailable
from training.worker.board import BoardUnavailable
from training.worker.ends import Stopping
from training.worker.heart import Heart

log = logging.getLogger(__name__)
AnswerT = TypeVar("AnswerT")
PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0


class Patience:
    """Calls again until there is an answer.

    Args:
        heart: of the job that waits.
        stop: set when the worker is to end.
        faults: told who is away.
    """

    def __init__(self, heart: Heart, stop: threading.Event, faults: FaultSink) -> None:
        self._heart = heart
        self._stop = stop
        self._faults = faults

    def __call__(self, call: Callable[[], AnswerT], *, even_cancelled: bool = False) -> AnswerT:
        """The answer of `call`, which may be called many times.

        Args:
            call: what may find Redis or the store away.
            even_cancelled: whether a cancellation comes too late here.

        Raises:
            LeaseLost, JobCancelled: meanwhile.
            Stopping: the worker is to end.
        """
        pause = PAUSE_S
        while True:
            try:
                answer = call()
            except (RegistryUnavailable, BoardUnavailable) as error:
                self._faults.raised(Report("registry_away", "error", str(error), hint=error.hint))
                away: LinegateError = error
            except StoreUnavailable as error:
                self._faults.raised(Report("store_away", "error", str(error), hint=error.hint))
                away = error
            else:
                self._faults.cleared("registry_away")
                self._faults.cleared("store_away")
                return answer
            log.warning("a job waits: %s", away)
            self._heart.look(even_cancelled=even_cancelled)
            if self._stop.wait(pause):
                raise Stopping("its worker was stopped")
            pause = min(LONGEST_PAUSE_S, pause * 2)
