"""The desk that answers: one result a job on Kafka, whoever else believes to have the job."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from shared.bus.envelope import encode
from shared.bus.errors import FencedError, TransactionAbortedError
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.bus.transactions import Transactions
from shared.events import TrainingResult, now
from training.worker.result import result_id

PREFIX: Final = "train-job-"
CLOCKS: Final = timedelta(days=1)
"""How far the clock of who asked may be from ours."""
MOST_ABORTS: Final = 5


class ResultDesk:
    """Publishes results.

    A job has a transactional id of its own. Taking it fences off whoever had the job before, and settles what that one
    left open; after that, what the topic holds is all that there is, and will be. So a worker that was stopped in the
    middle of answering, and one that took its job over, cannot both answer.

    Args:
        bus: how to reach Kafka.
    """

    def __init__(self, bus: BusSettings) -> None:
        self._bus: Final = bus

    def given(self, job: str, since: datetime) -> TrainingResult | None:
        """The result that the topic holds, or None.

        Args:
            job: whose.
            since: when it was asked for.

        Raises:
            KafkaFailedError: Kafka does not answer.
        """
        start = min(since, now()) - CLOCKS
        with EventReader(self._bus, (TrainingResult,), start=start) as reader:
            for _, event in reader.read_to_end(patience=self._bus.call_budget_s):
                if isinstance(event, TrainingResult) and event.id == result_id(job):
                    return event
        return None

    def give(self, result: TrainingResult, since: datetime, *, check: Callable[[], None]) -> TrainingResult:
        """Publish a result, unless there is one.

        Args:
            result: of the job.
            since: when it was asked for.
            check: called right before it is published; what it raises keeps that from happening.

        Returns:
            The result that stands.

        Raises:
            KafkaFailedError: Kafka does not answer, or another worker has the job by now.
        """
        digest = hashlib.sha256(result.job.encode()).hexdigest()
        transactions = Transactions(self._bus, f"{PREFIX}{digest[:32]}")
        try:
            transactions.start()
            for last in (*[False] * MOST_ABORTS, True):
                if (given := self.given(result.job, since)) is not None:
                    return given
                check()
                try:
                    transactions.publish([encode(result)], {}, None)
                except TransactionAbortedError:
                    if last:
                        raise
                else:
                    return result
        except FencedError:
            # Another worker answers, or has answered.
            check()
            raise
        finally:
            transactions.close()
        raise AssertionError("the last round returns or raises")
