"""One transactional producer: output and offsets go out together or not at all, through every class of error.

How an error is answered, by what librdkafka says of it:

- retriable: the same call again, within a budget;
- `txn_requires_abort`: abort, and `TransactionAbortedError`: the caller goes back to the committed offsets;
- fatal or unknown: `KafkaFailedError`: the process has to end, its successor goes on from the committed offsets;
- a commit or abort that stays without an answer: nobody knows whether it happened. The producer is destroyed and begun
  again under the same transactional id, which makes the coordinator finish or abort the old transaction and fences off
  a late request of the old producer; then as after an abort.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from shared.bus.clients import open_producer
from shared.bus.errors import KafkaFailedError, TransactionAbortedError
from shared.bus.record import OutgoingRecord, PartitionId
from shared.bus.refusals import Refusals, rights_hint
from shared.bus.settings import BusSettings

log = logging.getLogger(__name__)

CALL_SECONDS: Final = 5.0
"""Limit of one call; a call that needs longer is repeated, so that the budget is looked at in between."""
MIN_CALL_SECONDS: Final = 0.5
PAUSE_SECONDS: Final = 0.1


class _UnansweredError(Exception):
    """The budget ran out while the outcome of a call was open."""


class Transactions:
    """Publishes batches, each in one transaction with the offsets it came from.

    Args:
        settings: of the bus.
        transactional_id: of this process; a newer process with the same id fences this one off.
    """

    def __init__(self, settings: BusSettings, transactional_id: str) -> None:
        self.transactional_id: Final = transactional_id
        self._settings: Final = settings
        self._refusals: Final = Refusals(settings, log.warning)
        self._budget: Final = settings.call_budget_s
        # Past its time-out the broker has aborted a transaction, or it is decided: asking on tells nothing new.
        self._transaction_budget: Final = settings.transaction_timeout_ms / 1000
        self._producer: Producer | None = None

    def start(self) -> None:
        """Take the transactional id: settles what a forerunner left open, and fences it off.

        Raises:
            KafkaFailedError: Kafka refused, or did not answer within the budget.
        """
        self._producer = open_producer(
            self._settings,
            **{
                "transactional.id": self.transactional_id,
                "transaction.timeout.ms": self._settings.transaction_timeout_ms,
                "error_cb": self._refusals,
            },
        )
        deadline = time.monotonic() + self._budget
        try:
            self._repeat("init_transactions", lambda s: self._running().init_transactions(s), deadline)
        except _UnansweredError as error:
            raise self._refusals.failure(str(error)) from error
        except KafkaException as error:
            raise _for_good(error.args[0]) from error

    def publish(
        self,
        records: Sequence[OutgoingRecord],
        next_offsets: Mapping[PartitionId, int],
        group_metadata: object,
        *,
        budget: float | None = None,
    ) -> None:
        """Publish `records` and commit `next_offsets` for the group, in one transaction.

        Args:
            records: the output; may be empty.
            next_offsets: per partition, one past the last record that is done.
            group_metadata: of the consumer (`consumer_group_metadata()`): a member that lost its place is refused.
            budget: seconds for all of it; the transaction's time-out by default.

        Raises:
            TransactionAbortedError: nothing of it happened, or the outcome is known to the group coordinator only:
                ask for the committed offsets and go on from there.
            KafkaFailedError: the process has to end.
        """
        # Nowhere is the producer bound to a local name: a frame that still held it would keep it from being destroyed.
        deadline = time.monotonic() + min(self._transaction_budget, budget or self._transaction_budget)
        offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in next_offsets.items()]
        try:
            self._running().begin_transaction()
            for record in records:
                self._produce(record, deadline)
            self._repeat(
                "send_offsets_to_transaction",
                lambda s: self._running().send_offsets_to_transaction(offsets, group_metadata, s),
                deadline,
            )
            self._repeat("commit_transaction", lambda s: self._running().commit_transaction(s), deadline)
        except _UnansweredError as error:
            self._start_again(str(error))
            raise TransactionAbortedError(f"outcome unknown, producer begun again: {error}") from error
        except KafkaException as error:
            self._answer(error.args[0])
        except BufferError as error:
            # Abort what is queued; the records are tried again from the committed offsets.
            self._abort("the producer's queue stayed full")
            raise TransactionAbortedError("the producer's queue stayed full") from error

    def close(self) -> None:
        """Let go of the producer. An open transaction is left to its time-out or to the next process with this id."""
        if self._producer is not None:
            with contextlib.suppress(KafkaException):
                self._producer.purge()
            # The last reference: librdkafka's handle goes with it. Its close() would first abort, without a time limit.
            self._producer = None

    def _answer(self, error: KafkaError) -> None:
        if error.txn_requires_abort():
            self._abort(error.str())
            raise TransactionAbortedError(error.str())
        raise _for_good(error)

    def _abort(self, reason: str) -> None:
        log.warning("transaction aborted: %s", reason)
        deadline = time.monotonic() + self._budget
        try:
            self._repeat("abort_transaction", lambda s: self._running().abort_transaction(s), deadline)
        except _UnansweredError as error:
            self._start_again(str(error))
        except KafkaException as error:
            raise _for_good(error.args[0]) from error

    def _start_again(self, reason: str) -> None:
        log.warning("%s; beginning the producer again as %s", reason, self.transactional_id)
        self.close()
        self.start()

    def _produce(self, record: OutgoingRecord, deadline: float) -> None:
        while True:
            try:
                self._running().produce(record.topic, value=record.value, key=record.key, headers=list(record.headers))
            except BufferError:
                if time.monotonic() > deadline:
                    raise
                self._running().poll(PAUSE_SECONDS)
            else:
                self._running().poll(0)
                return

    def _repeat(self, name: str, call: Callable[[float], Any], deadline: float) -> None:
        """Make `call` (given its own time-out) until it succeeds; a retriable error means the same call again."""
        while True:
            try:
                call(min(CALL_SECONDS, max(MIN_CALL_SECONDS, deadline - time.monotonic())))
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                self._running().poll(0)  # lets librdkafka tell why
                if not error.retriable():
                    raise
                if time.monotonic() > deadline:
                    raise _UnansweredError(f"{name} stayed without an answer: {error.str()}") from failure
                time.sleep(PAUSE_SECONDS)
            else:
                return

    def _running(self) -> Producer:
        if self._producer is None:
            raise KafkaFailedError("the transactional producer was not started")
        return self._producer


def _for_good(error: KafkaError) -> KafkaFailedError:
    fenced = error.code() in {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}  # noqa: SLF001 - librdkafka's own codes are spelt so
    # librdkafka tells both alike: a younger process has the id, or the broker ended a transaction that took too long.
    hint = (
        "another process has the same instance name, or the transaction timed out; start again"
        if fenced
        else rights_hint(error)
    )
    return KafkaFailedError(f"Kafka refused for good: {error.str()} ({error.name()})", hint=hint)
