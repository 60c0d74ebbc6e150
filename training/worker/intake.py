"""The intake's step: requests and cancellations onto the board. Fitting is the runner's, in the same process."""

from collections.abc import Callable, Sequence
from pathlib import Path

from shared.bus.step import DeadLetter, Emit, Result, Retry
from shared.events import TrainingCancelled, TrainingProgress, TrainingRequest, derived_event_id
from training.worker.accept import RequestRejected, check_request
from training.worker.board import BoardLost, BoardUnavailable, JobBoard, Over, fingerprint
from training.worker.result import cancelled_result


class IntakeStep:
    """Every request and cancellation is answered by what the board says of it, so that a replay answers alike.

    Args:
        board: where the jobs go.
        roots: folders below which data may lie.
        arrived: told when something may be new on the board.
    """

    def __init__(self, board: JobBoard, roots: Sequence[Path], *, arrived: Callable[[], None] = lambda: None) -> None:
        self._board = board
        self._roots = tuple(roots)
        self._arrived = arrived

    def __call__(self, batch: Sequence[TrainingRequest | TrainingCancelled]) -> list[Result]:
        """One result per event, in order."""
        results = [self._answer(event) for event in batch]
        self._arrived()
        return results

    def _answer(self, event: TrainingRequest | TrainingCancelled) -> Result:
        try:
            return self._asked(event) if isinstance(event, TrainingRequest) else self._cancelled(event)
        except RequestRejected as error:
            return DeadLetter(error.line)
        except (BoardUnavailable, BoardLost) as error:
            return Retry(error.line)

    def _asked(self, request: TrainingRequest) -> Result:
        check_request(request, self._roots)
        held = self._board.add(request)
        known = held if isinstance(held, Over) else held[1]
        if known.print != fingerprint(request):
            return DeadLetter(f"job {request.job} was asked for already, otherwise than now; take a new job id")
        if isinstance(held, Over) or held[0] == "running":
            return Emit(())
        return Emit((queued(request),))

    def _cancelled(self, event: TrainingCancelled) -> Result:
        answer = self._board.cancel(event)
        if answer == "unknown":
            return DeadLetter(f"there is no job {event.job} to cancel; `linegate train jobs` lists them")
        if isinstance(answer, Over) and answer.by == event.id:
            return Emit((cancelled_result(event.job, answer.place, attempts=answer.attempts),))
        # It is over already, or the worker that is at it will answer.
        return Emit(())


def queued(request: TrainingRequest) -> TrainingProgress:
    """The word that a job waits."""
    return TrainingProgress(id=derived_event_id(request.job, "training-queued"), job=request.job, state="queued")
