"""Keeps a job ours while it is worked on, and knows when somebody wants it no longer."""

import logging
import threading
from types import TracebackType
from typing import Final, Self

from shared.errors import LinegateError
from training.worker.board import BoardUnavailable, Claim, JobBoard, LeaseLost

log = logging.getLogger(__name__)

BEATS: Final = 4
"""In one lease: a beat or two may be late."""
LONGEST_S: Final = 2.0
"""A cancellation is seen within this time."""


class JobCancelled(LinegateError):
    """Somebody wants the job no longer."""


class Heart:
    """Renews a lease from a thread of its own, for the length of a `with` block. A board that is away stops nothing:
    the lease may outlast that, and whether it did is asked before anything is published.

    Args:
        board: where the lease is.
        claim: the job.
        lease_s: how long each beat keeps it, in seconds.
    """  # noqa: D205 - one sentence

    def __init__(self, board: JobBoard, claim: Claim, lease_s: float) -> None:
        self._board: Final = board
        self._claim: Final = claim
        self._lease_s: Final = lease_s
        self._stop: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="lease", daemon=True)
        self._lost: LeaseLost | None = None
        self._cancelled = claim.facts.cancelled

    def look(self, *, even_cancelled: bool = False) -> None:
        """Say what the last beat found; asks nobody.

        Args:
            even_cancelled: whether a cancellation comes too late here.

        Raises:
            LeaseLost: the job is another's.
            JobCancelled: it is wanted no longer.
        """
        if self._lost is not None:
            raise self._lost
        if self._cancelled and not even_cancelled:
            raise JobCancelled(f"job {self._claim.job} was cancelled by {self._cancelled}")

    def check(self, *, even_cancelled: bool = False) -> None:
        """`look`, but ask the board first: right before something is published.

        Raises:
            LeaseLost, JobCancelled: see `look`.
            BoardUnavailable: nobody knows.
        """
        self._beat()
        self.look(even_cancelled=even_cancelled)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            self._cancelled = self._board.beat(self._claim, lease_s=self._lease_s) or self._cancelled
        except LeaseLost as lost:
            self._lost = lost
            raise

    def _run(self) -> None:
        while not self._stop.wait(min(self._lease_s / BEATS, LONGEST_S)):
            try:
                self._beat()
            except BoardUnavailable as error:
                log.warning("the lease of job %s cannot be renewed: %s", self._claim.job, error)
            except LeaseLost:
                return
