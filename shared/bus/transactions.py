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
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from shared.bus.bounded import BoundedCaller, CallStuck
from shared.bus.clients import open_producer
from shared.bus.errors import KafkaFailedError, TransactionAbortedError
from shared.bus.failures import PURGED, REFUSED_AT_ONCE, for_good, refused
from shared.bus.record import OutgoingRecord, PartitionId
from shared.bus.refusals import Refusals
from shared.bus.settings import BusSettings

log = logging.getLogger(__name__)

CALL_SECONDS: Final = 5.0
"""Limit of one call; a call that needs longer is repeated, so that the budget is looked at in between."""
MIN_CALL_SECONDS: Final = 0.5
GRACE_SECONDS: Final = 2.0
"""How much longer than its time-out a call may take before it counts as stuck."""
PAUSE_SECONDS: Final = 0.1


class _UnansweredError(Exception):
    """The budget ran out while the outcome of a call was open."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Where Kafka put a record of a transaction that is still open."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


Follow = Callable[[Sequence[Delivered]], Sequence[OutgoingRecord]]
"""From where the records of a transaction lie to more records of the same transaction."""


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
        self._caller: BoundedCaller | None = None
        self._undelivered: str | None = None
        self._delivered: list[Delivered] = []

    def start(self) -> None:
        """Take the transactional id: settles what a forerunner left open, and fences it off.

        Raises:
            KafkaFailedError: Kafka refused, or did not answer within the budget.
        """
        try:
            self._begin(time.monotonic() + self._budget)
        except _UnansweredError as error:
            raise self._refusals.failure(str(error)) from error

    def publish(
        self,
        records: Sequence[OutgoingRecord],
        next_offsets: Mapping[PartitionId, int],
        group_metadata: object,
        *,
        budget: float | None = None,
        follow: Follow | None = None,
    ) -> None:
        """Publish `records` and commit `next_offsets` for the group, in one transaction.

        Args:
            records: the output; may be empty.
            next_offsets: per partition, one past the last record that is done; may be empty.
            group_metadata: of the consumer (`consumer_group_metadata()`): a member that lost its place is refused.
            budget: seconds for all of it, also for what a failure needs; the transaction's time-out by default, and
                the call budget for the way out of a failure.
            follow: makes more records of the same transaction, once it is known where `records` lie.

        Raises:
            TransactionAbortedError: nothing of it happened, or the outcome is known to the group coordinator only:
                ask for the committed offsets and go on from there.
            KafkaFailedError: the process has to end.
        """
        # Nowhere is the producer bound to a local name: a frame that still held it would keep it from being destroyed.
        deadline = time.monotonic() + min(self._transaction_budget, budget or self._transaction_budget)
        way_out = None if budget is None else deadline
        if self._producer is None:
            # A budget left no time for it when the last outcome stayed open.
            self._start_again("not begun again yet", way_out)
        self._undelivered, self._delivered = None, []
        try:
            self._running().begin_transaction()
            for record in records:
                self._produce(record, deadline)
            if follow is not None:
                for record in follow(self._where(len(records), deadline)):
                    self._produce(record, deadline)
            if next_offsets:
                self._send_offsets(next_offsets, group_metadata, deadline)
            self._repeat("commit_transaction", lambda s: self._running().commit_transaction(s), deadline)
        except _UnansweredError as error:
            self._start_again(str(error), way_out)
            raise TransactionAbortedError(f"outcome unknown, producer begun again: {error}") from error
        except KafkaException as error:
            self._answer(error.args[0], way_out)
        except SystemError as error:
            # The client library calls back with a fatal error pending, and Python takes offence. The abort tells it.
            self._abort("the client library stumbled over an error", way_out)
            raise TransactionAbortedError("the client library stumbled over an error") from error
        except BufferError as error:
            # Abort what is queued; the records are tried again from the committed offsets.
            self._abort("the producer's queue stayed full", way_out)
            raise TransactionAbortedError("the producer's queue stayed full") from error

    def close(self) -> None:
        """Let go of the producer. An open transaction is left to its time-out or to the next process with this id."""
        if self._producer is not None:
            with contextlib.suppress(KafkaException):
                self._producer.purge()
            # The last reference: librdkafka's handle goes with it. Its close() would first abort, without a time limit.
            # Only a call that is stuck still holds one, and lets go when it returns.
            self._producer = None
        if self._caller is not None:
            self._caller.close()
            self._caller = None

    def _begin(self, deadline: float) -> None:
        self._producer = open_producer(
            self._settings,
            **{
                "transactional.id": self.transactional_id,
                "transaction.timeout.ms": self._settings.transaction_timeout_ms,
                "error_cb": self._refusals,
            },
        )
        self._caller = BoundedCaller(f"{self.transactional_id}-transaction")
        try:
            self._repeat("init_transactions", lambda s: self._running().init_transactions(s), deadline)
        except KafkaException as error:
            raise for_good(error.args[0]) from error

    def _send_offsets(self, next_offsets: Mapping[PartitionId, int], group_metadata: object, deadline: float) -> None:
        offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in next_offsets.items()]
        self._repeat(
            "send_offsets_to_transaction",
            lambda s: self._running().send_offsets_to_transaction(offsets, group_metadata, s),
            deadline,
        )

    def _answer(self, error: KafkaError, way_out: float | None) -> None:
        if error.code() == KafkaError._FATAL:  # noqa: SLF001 - librdkafka's own codes are spelt so
            # `produce` tells no more than that. The abort is refused with the reason, e.g. that we were fenced off.
            self._abort(error.str(), way_out)
        if error.txn_requires_abort():
            # The transaction's own error only counts what was not delivered; the record's says why.
            reason = error.str() if self._undelivered is None else f"{error.str()}: {self._undelivered}"
            self._abort(reason, way_out)
            raise TransactionAbortedError(reason)
        raise for_good(error)

    def _abort(self, reason: str, way_out: float | None) -> None:
        log.warning("transaction aborted: %s", reason)
        deadline = time.monotonic() + self._budget if way_out is None else way_out
        try:
            self._repeat("abort_transaction", lambda s: self._running().abort_transaction(s), deadline)
        except _UnansweredError as error:
            self._start_again(str(error), way_out)
        except KafkaException as error:
            raise for_good(error.args[0]) from error

    def _start_again(self, reason: str, way_out: float | None) -> None:
        """Begin a new producer, at the latest at `way_out`; without time for that, the next `publish` begins it.

        Until then the old transaction stays open on the broker, and whoever asks for the group's committed offsets is
        kept waiting until it is decided (KIP-447): leaving it open is slow, never wrong.
        """
        log.warning("%s; beginning the producer again as %s", reason, self.transactional_id)
        self.close()
        if way_out is None:
            self.start()
            return
        try:
            self._begin(way_out)
        except _UnansweredError as error:
            self.close()
            raise TransactionAbortedError(f"no time left to begin the producer again: {error}") from error

    def _produce(self, record: OutgoingRecord, deadline: float) -> None:
        while True:
            try:
                self._running().produce(
                    record.topic,
                    value=record.value,
                    key=record.key,
                    headers=list(record.headers),
                    on_delivery=self._on_delivery,
                    partition=-1 if record.partition is None else record.partition,
                )
            except BufferError:
                if time.monotonic() > deadline:
                    raise
                self._running().poll(PAUSE_SECONDS)
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                self._undelivered = self._undelivered or f"{record.topic}: {error.str()}"
                if error.code() in REFUSED_AT_ONCE:
                    raise refused(record, error) from failure
                raise
            else:
                self._running().poll(0)
                return

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        topic = message.topic() or ""
        if error is None:
            self._delivered.append(Delivered(topic, message.partition() or 0, message.offset() or 0))
        elif self._undelivered is None and error.code() not in PURGED:
            self._undelivered = f"{topic}: {error.str()}"

    def _where(self, count: int, deadline: float) -> list[Delivered]:
        """Where the `count` records produced so far lie, in the order of their acknowledgement."""
        while self._running().flush(min(CALL_SECONDS, max(MIN_CALL_SECONDS, deadline - time.monotonic()))):
            if time.monotonic() > deadline:
                raise _UnansweredError("records were not acknowledged")
        if len(self._delivered) < count:
            reason = self._undelivered or "a record was not delivered"
            self._abort(reason, deadline)
            raise TransactionAbortedError(reason)
        return self._delivered

    def _repeat(self, name: str, call: Callable[[float], Any], deadline: float) -> None:
        """Make `call` (given its own time-out) until it succeeds; a retriable error means the same call again."""
        while True:
            limit = min(CALL_SECONDS, max(MIN_CALL_SECONDS, deadline - time.monotonic()))
            try:
                self._call(name, partial(call, limit), limit + GRACE_SECONDS)
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

    def _call(self, name: str, call: Callable[[], Any], seconds: float) -> None:
        if self._caller is None:
            raise KafkaFailedError("the transactional producer was not started")
        try:
            self._caller(call, seconds)
        except CallStuck as stuck:
            raise _UnansweredError(f"{name} did not return within {seconds:.1f} s") from stuck

    def _running(self) -> Producer:
        if self._producer is None:
            raise KafkaFailedError("the transactional producer was not started")
        return self._producer
