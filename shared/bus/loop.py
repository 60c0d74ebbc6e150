"""The loop that every worker runs on: records in, a step in its own thread, output and offsets out in one transaction.

A transaction is open only while finished results are being published, never while the step computes. Everything
before that is memory: it may be dropped at any moment (revoked, retried, failed), and is read again from the committed
offsets. The calling thread owns consumer and producer, and always polls.
"""

import logging
import secrets
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from shared.bus.batcher import Batcher
from shared.bus.clients import consumer_options, error_logger, record_of
from shared.bus.compute import ComputeThread
from shared.bus.dead_letter import FloodGuard
from shared.bus.errors import KafkaFailedError, StepFailedError, TransactionAbortedError
from shared.bus.metrics import BusMetrics
from shared.bus.offsets import settle
from shared.bus.partitions import Partitions, Taken
from shared.bus.position import committed_offsets, seek
from shared.bus.processing import Outcome, Processed, Processor, Publish, Wait
from shared.bus.record import PartitionId
from shared.bus.settings import BusSettings
from shared.bus.step import Step
from shared.bus.transactions import Transactions
from shared.events import Event

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 0.1
"""Longest wait for a record; also how quickly `stop` is seen."""
WORKING_SECONDS: Final = 0.01
"""Longest wait for the step before polling again."""
STALL_SECONDS: Final = 1.0
"""How long intake may stay full before partitions are paused. Pausing throws librdkafka's prefetched records away and
fetches them again, so a loop that is merely busy does not pause: it just asks for nothing for a moment."""
LAG_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a worker lives."""

    tick_age_s: float
    """Seconds since the loop last went round."""
    step_busy_s: float
    """Seconds the step has been on its present batch."""
    assigned: int
    """Partitions owned."""
    held: int
    """Partitions held back by a retry."""


class Worker:
    """One step on the bus.

    Args:
        step: the work.
        consumes: the event type, or types, it takes; their topics are subscribed to.
        name: of the worker's kind, e.g. `score`; also the consumer group where the settings name none.
        settings: of the bus.
    """

    def __init__(
        self, step: Step[Any], *, consumes: type[Event] | Sequence[type[Event]], name: str, settings: BusSettings
    ) -> None:
        types = (consumes,) if isinstance(consumes, type) else tuple(consumes)
        self._settings: Final = settings
        self._topics: Final = sorted({event.TOPIC for event in types})
        self.group: Final = settings.group or name
        instance = settings.instance or f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self.transactional_id: Final = f"{name}-{instance}"
        self._metrics: Final = BusMetrics(name, self.group)
        self._partitions: Final = Partitions(retry_initial_s=settings.retry_initial_s, retry_max_s=settings.retry_max_s)
        self._batcher: Final = Batcher(
            max_events=settings.max_events,
            max_wait_s=settings.max_wait_ms / 1000,
            high_water=settings.high_water,
            low_water=settings.low_water,
            high_water_bytes=settings.high_water_bytes,
        )
        processor = Processor(step, types, worker=self.transactional_id, group=self.group)
        self._compute: Final = ComputeThread(processor, name=f"{name}-step")
        self._transactions: Final = Transactions(settings, self.transactional_id)
        self._flood: Final = FloodGuard(settings.dead_letters_per_minute)
        self._consumer: Consumer | None = None
        self._callback_error: BaseException | None = None
        self._step_failures = 0
        self._aborts = 0
        self._resting_until = 0.0
        self._full_since: float | None = None
        self._stalled = False
        self._tick_at = time.monotonic()
        self._lag_at = 0.0

    @property
    def health(self) -> Health:
        """For liveness probes; may be read from any thread."""
        return Health(
            tick_age_s=time.monotonic() - self._tick_at,
            step_busy_s=self._compute.busy_s,
            assigned=len(self._partitions.ids),
            held=self._partitions.held,
        )

    def run(self, stop: threading.Event) -> int:
        """Work until `stop` is set, then finish, commit and leave the group; may be called once.

        Returns:
            0, the exit status of an orderly end.

        Raises:
            BusError: the worker cannot go on. Nothing uncommitted was published; start the process again.
        """
        log.info("%s starts: group %s, topics %s", self.transactional_id, self.group, ", ".join(self._topics))
        self._compute.start()
        # Before the first record: settles what a killed forerunner left open, and fences it off if it still lives.
        self._transactions.start()
        self._consumer = self._subscribe()
        try:
            while not stop.is_set():
                self._tick()
            self._finish(self._partitions.ids)
        except BaseException:
            # What is in memory must not be committed by the revoke that closing brings.
            self._partitions.revoke(self._partitions.ids)
            raise
        finally:
            self._consumer.close()
            self._transactions.close()
            self._compute.stop(seconds=IDLE_SECONDS)
        if self._callback_error is not None:
            raise self._callback_error
        log.info("%s stopped in order", self.transactional_id)
        return 0

    # -- one round ------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        now = self._tick_at = time.monotonic()
        self._partitions.release_due(now=now)
        self._mind_the_marks(now)
        self._apply_pauses()
        self._take()
        done = self._compute.collect()
        # First give the step its next batch, then talk to the broker while it works.
        self._dispatch()
        if done:
            self._settle(done)
        if now - self._lag_at > LAG_SECONDS:
            self._lag_at = now
            self._report_lag()

    def _take(self) -> None:
        """Poll: serve librdkafka's callbacks, and take what is there."""
        working = self._compute.outstanding > 0
        if self._batcher.full and not self._stalled:
            self._compute.wait(WORKING_SECONDS if working else 0.0)
            return
        record = self._poll(0.0 if working else self._patience())
        while record is not None and not self._batcher.full:
            record = self._poll(0.0)
        if working:
            self._compute.wait(WORKING_SECONDS)

    def _patience(self) -> float:
        now = time.monotonic()
        if now < self._resting_until:
            return min(IDLE_SECONDS, self._resting_until - now)
        due = self._batcher.wait_s(now=now, single=self._step_failures > 0)
        return IDLE_SECONDS if due is None else min(IDLE_SECONDS, due)

    def _poll(self, seconds: float) -> Taken | None:
        message = self._running().poll(seconds)
        if self._callback_error is not None:
            raise self._callback_error
        if message is None:
            return None
        error = message.error()
        if error is not None:
            self._mind(error)
            return None
        taken = self._partitions.take(record_of(message), now=time.monotonic())
        if taken is not None:
            self._batcher.add(taken)
        return taken

    def _dispatch(self) -> None:
        """Hand the step a batch when one is due; a second one ahead only when it is full."""
        now = time.monotonic()
        single = self._step_failures > 0
        while now >= self._resting_until and self._compute.outstanding < 2:
            ahead = self._compute.outstanding == 1
            if (ahead and (single or not self._batcher.has_full_batch)) or self._batcher.wait_s(
                now=now, single=single
            ) != 0.0:
                return
            batch = self._batcher.cut(single=single)
            age = max(0.0, time.time() - batch[0].record.timestamp / 1000) if batch[0].record.timestamp > 0 else 0.0
            self._metrics.batch_taken(len(batch), queue_wait_s=now - batch[0].arrived, age_s=age)
            self._compute.submit(batch)

    # -- results --------------------------------------------------------------------------------------------------

    def _settle(self, done: Sequence[Processed], *, budget: float | None = None) -> None:
        """Publish and commit what the step is done with; a failure sends everything back to the committed offsets."""
        pairs: list[tuple[Taken, Outcome]] = []
        failed: Processed | None = None
        for processed in done:
            self._metrics.processed(processed.seconds, failed=processed.error is not None)
            if processed.error is not None:
                failed = processed
                break
            pairs.extend(zip(processed.batch, processed.outcomes, strict=True))
        pairs = [pair for pair in pairs if self._partitions.counts(pair[0])]
        if pairs and not self._publish(pairs, budget=budget):
            return
        if failed is not None and any(map(self._partitions.counts, failed.batch)):
            self._step_failed(failed)

    def _publish(self, pairs: Sequence[tuple[Taken, Outcome]], *, budget: float | None) -> bool:
        """One transaction; False when it was aborted and everything was sent back."""
        waits = {index: outcome for index, (_, outcome) in enumerate(pairs) if isinstance(outcome, Wait)}
        settled = settle([taken for taken, _ in pairs], waits)
        accepted = [outcome for i in settled.accepted if isinstance(outcome := pairs[i][1], Publish)]
        records = [record for outcome in accepted for record in outcome.records]
        dead = sum(outcome.dead for outcome in accepted)
        self._flood.check(dead)
        if settled.next_offsets:
            started = time.monotonic()
            try:
                self._transactions.publish(
                    records, settled.next_offsets, self._running().consumer_group_metadata(), budget=budget
                )
            except TransactionAbortedError as aborted:
                self._metrics.aborted()
                self._aborts += 1
                if self._aborts >= self._settings.max_failures:
                    raise KafkaFailedError(f"{self._aborts} transactions aborted in a row: {aborted}") from aborted
                self._go_back(self._aborts)
                return False
            self._aborts = self._step_failures = 0
            self._metrics.committed(time.monotonic() - started, sent=len(records), dead_letters=dead)
            for partition, offset in settled.next_offsets.items():
                if self._partitions.done(partition, offset):
                    log.info("%s[%d] goes on at %d", *partition, offset)
        now = time.monotonic()
        for partition, index in settled.held.items():
            self._hold(partition, pairs[index][0].offset, waits[index].reason, now=now)
        return True

    def _step_failed(self, failed: Processed) -> None:
        self._step_failures += 1
        first = failed.batch[0].record
        count, where = len(failed.batch), f"{first.topic}[{first.partition}]@{first.offset}"
        log.error(
            "the step failed on %d event(s) from %s, %d time(s) in a row", count, where, self._step_failures,
            exc_info=failed.error,
        )  # fmt: skip
        if self._step_failures >= self._settings.max_failures:
            raise StepFailedError(
                f"the step failed {self._step_failures} times in a row, last on {where}: {failed.error!r}",
                hint="nothing is lost: mend the step and start the worker again",
            ) from failed.error
        self._go_back(self._step_failures)

    def _go_back(self, failures: int) -> None:
        """Drop all work in memory, read again from the committed offsets, and rest for a moment."""
        begun = self._partitions.begun()
        self._partitions.void(begun)
        self._batcher.keep(self._partitions.counts)
        seek(self._running(), committed_offsets(self._running(), begun, budget=self._settings.call_budget_s))
        rest = min(self._settings.retry_max_s, self._settings.retry_initial_s * 2.0 ** (failures - 1))
        self._resting_until = time.monotonic() + rest

    def _hold(self, partition: PartitionId, offset: int, reason: str, *, now: float) -> None:
        """Hold one partition back before `offset`; the others go on."""
        self._metrics.retried()
        delay = self._partitions.hold(partition, offset, now=now)
        if delay is not None:
            log.warning("%s[%d] waits at %d, first for %.1f s: %s", *partition, offset, delay, reason)
        self._batcher.keep(self._partitions.counts)
        self._apply_pauses()  # before the seek: a paused partition fetches nothing that we would drop
        seek(self._running(), {partition: offset})

    # -- back-pressure --------------------------------------------------------------------------------------------

    def _mind_the_marks(self, now: float) -> None:
        if not self._batcher.full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = now
        if self._stalled:
            self._stalled = not self._batcher.relieved
        elif self._full_since is not None and now - self._full_since > STALL_SECONDS:
            self._stalled = True

    def _apply_pauses(self) -> None:
        change = self._partitions.pause_change(all_paused=self._stalled)
        if change.pause:
            self._running().pause([TopicPartition(*partition) for partition in change.pause])
        if change.resume:
            self._running().resume([TopicPartition(*partition) for partition in change.resume])

    # -- the group ------------------------------------------------------------------------------------------------

    def _subscribe(self) -> Consumer:
        settings = self._settings
        consumer = Consumer(
            consumer_options(
                settings,
                **{
                    "group.id": self.group,
                    "auto.offset.reset": settings.start,
                    "partition.assignment.strategy": "cooperative-sticky",
                    "session.timeout.ms": settings.session_timeout_ms,
                    "error_cb": error_logger(log.warning),
                },
            )
        )
        consumer.subscribe(self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
        return consumer

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalanced("assign")
        self._partitions.assign(_ids(partitions))
        log.info("assigned: %s", _names(partitions))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalanced("revoke")
        # The client library would swallow what a callback raises while closing.
        try:
            self._finish(_ids(partitions))
        except BaseException as error:  # noqa: BLE001 - raised again by the loop
            self._callback_error = error
        self._give_up(partitions)
        log.info("revoked: %s", _names(partitions))

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        # Another worker may own them already: nothing of ours on them counts any more.
        self._metrics.rebalanced("lost")
        self._give_up(partitions)
        log.warning("lost: %s", _names(partitions))

    def _give_up(self, partitions: list[TopicPartition]) -> None:
        self._partitions.revoke(_ids(partitions))
        self._batcher.keep(self._partitions.counts)

    def _finish(self, partitions: Iterable[PartitionId]) -> None:
        """Finish and commit what the step has of these partitions, within one wall-clock budget; drop the rest."""
        ids = frozenset(partitions) & self._partitions.ids
        deadline = time.monotonic() + self._settings.revoke_budget_s
        self._batcher.keep(lambda taken: taken.partition_id not in ids)
        while self._compute.works_on(ids):
            left = deadline - time.monotonic()
            if left <= 0:
                log.warning(
                    "the step did not finish within %.0f s: its work is dropped", self._settings.revoke_budget_s
                )
                return
            self._compute.wait(left)
            if done := self._compute.collect():
                self._settle(done, budget=max(1.0, deadline - time.monotonic()))

    # -- small things ---------------------------------------------------------------------------------------------

    def _mind(self, error: KafkaError) -> None:
        if error.fatal() or error.code() in {
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.GROUP_AUTHORIZATION_FAILED,
        }:
            raise KafkaFailedError(f"Kafka refused for good: {error.str()} ({error.name()})")
        log.warning("kafka: %s", error.str())

    def _report_lag(self) -> None:
        for topic, partition in self._partitions.ids:
            where = TopicPartition(topic, partition)
            try:
                _, high = self._running().get_watermark_offsets(where, cached=True)
                (position,) = self._running().position([where])
            except KafkaException:
                continue  # not known yet; the next report has it
            if high >= 0 and position.offset >= 0:
                self._metrics.lag(topic, partition, max(0, high - position.offset))

    def _running(self) -> Consumer:
        if self._consumer is None:
            raise KafkaFailedError("the consumer was not started")
        return self._consumer


def _ids(partitions: Iterable[TopicPartition]) -> list[PartitionId]:
    return [(partition.topic, partition.partition) for partition in partitions]


def _names(partitions: Iterable[TopicPartition]) -> str:
    return ", ".join(f"{partition.topic}[{partition.partition}]" for partition in partitions) or "nothing"
