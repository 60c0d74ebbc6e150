"""Progress of a job as events: each stage when it begins, then every two seconds at the most."""

import time
from collections.abc import Callable
from typing import Any, Final

from shared.events import TrainingProgress, derived_event_id
from training.worker.board import Claim
from training.worker.task import Progressed

EVERY_S: Final = 2.0


class Telling:
    """Tells of one attempt.

    Args:
        claim: the job.
        worker: who is at it.
        publish: hands an event to Kafka without waiting. A word that gets lost is made up for by the next.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        claim: Claim,
        worker: str,
        publish: Callable[[TrainingProgress], Any],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._claim = claim
        self._worker = worker
        self._publish = publish
        self._clock = clock
        self._stage: str | None = None
        self._told_at = 0.0
        self._count = 0

    def begun(self) -> None:
        """The job is taken."""
        self._tell()

    def waits(self, *, counted: bool) -> None:
        """It is put back; the next attempt has the next number where this one counts."""
        self._tell(state="queued", attempt=self._claim.facts.attempts + int(counted), worker=None)

    def stage(self, stage: str) -> None:
        """A stage without steps begins."""
        self.progress(Progressed(stage=stage, done=0, total=None))

    def progress(self, word: Progressed) -> None:
        """It is so far."""
        if word.stage == self._stage and self._clock() - self._told_at < EVERY_S:
            return
        self._stage = word.stage
        self._tell(stage=word.stage, done=word.done, total=word.total)

    def _tell(self, **more: Any) -> None:
        self._told_at = self._clock()
        self._count += 1
        facts = self._claim.facts
        about = {
            "id": derived_event_id(self._claim.job, f"training-progress/{facts.token}/{self._count}"),
            "traceparent": self._claim.request.traceparent,
            "job": self._claim.job,
            "state": "running",
            "attempt": facts.attempts,
            "worker": self._worker,
        }
        self._publish(TrainingProgress.model_validate(about | more))
