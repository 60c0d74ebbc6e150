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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.bus.compute import ComputeThread
from shared.bus.envelope import encode
from shared.bus.errors import DeadLetterFloodError, KafkaFailedError, StepFailedError, TransactionAbortedError
from shared.bus.flood import RESUME_HINT, FloodGuard, Refused, StopBoard, refuse
from shared.bus.intake import Intake
from shared.bus.metrics import BusMetrics
from shared.bus.offsets import settle
from shared.bus.partitions import Taken
from shared.bus.processing import Outcome, Processed, Processor, Publish, Wait
from shared.bus.record import OutgoingRecord, PartitionId
from shared.bus.settings import BusSettings
from shared.bus.step import Step
from shared.bus.transactions import Transactions
from shared.events import DeadLetterStop, Event

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 0.1
"""Longest wait for a record; also how quickly `stop` is seen."""
WORKING_SECONDS: Final = 0.01
"""Longest wait for the step before polling again."""
AHEAD: Final = 2
"""Batches in the compute thread: one that it works on, and a full one so that it need not wait for a commit."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a worker lives."""

    tick_age_s: float
    """Seconds since the loop last went round; a commit may take as long as the call budget."""
    step_busy_s: float
    """Seconds the step has been on its present batch."""
    joined: bool
    """Whether the group has given it its share of the partitions, be it none."""
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
        instance = settings.instance or f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self.group: Final = settings.group or name
        self.transactional_id: Final = f"{name}-{instance}"
        self._settings: Final = settings
        self._metrics: Final = BusMetrics(name, self.group)
        self._intake: Final = Intake(
            settings,
            group=self.group,
            topics=sorted({event.TOPIC for event in types}),
            metrics=self._metrics,
            finish=self._finish,
        )
        self._compute: Final = ComputeThread(
            Processor(step, types, worker=self.transactional_id, group=self.group), name=f"{name}-step"
        )
        self._transactions: Final = Transactions(settings, self.transactional_id)
        self._flood: Final = FloodGuard(settings.dead_letters_per_minute)
        self._stops: Final = StopBoard(settings)
        self._step_failures = 0
        self._aborts: list[str] = []
        """Why each of the latest transactions in a row was aborted."""
        self._resting_until = 0.0
        self._tick_at = time.monotonic()

    @property
    def health(self) -> Health:
        """For liveness probes; may be read from any thread."""
        return Health(
            tick_age_s=time.monotonic() - self._tick_at,
            step_busy_s=self._compute.busy_s,
            joined=self._intake.joined,
            assigned=len(self._intake.partitions.ids),
            held=self._intake.partitions.held,
        )

    def run(self, stop: threading.Event) -> int:
        """Work until `stop` is set, then finish, commit and leave the group; may be called once.

        Returns:
            0, the exit status of an orderly end.

        Raises:
            BusError: the worker cannot go on. Nothing uncommitted was published; start the process again.
        """
        log.info("%s starts in group %s", self.transactional_id, self.group)
        self._compute.start()
        try:
            # Before the first record: settles what a killed forerunner left open, and fences it off if it still lives.
            self._transactions.start()
            self._stops.open()
            self._intake.open()
            try:
                while not stop.is_set():
                    self._tick()
            except BaseException:
                self._intake.give_up()
                raise
            finally:
                self._intake.close()
        finally:
            self._transactions.close()
            self._stops.close()
            self._compute.stop(IDLE_SECONDS)
        log.info("%s stopped in order", self.transactional_id)
        return 0

    def _tick(self) -> None:
        now = self._tick_at = time.monotonic()
        self._intake.keep_order(now=now)
        self._stops.look(now=now)
        working = self._compute.outstanding > 0
        if not self._intake.congested:
            self._intake.take(0.0 if working else self._patience(now))
        elif not working:
            time.sleep(WORKING_SECONDS)  # resting after a failure, with enough in hand
        if working:
            self._compute.wait(WORKING_SECONDS)
        done = self._compute.collect()
        # First give the step its next batch, then talk to the broker while it works.
        self._dispatch()
        if done:
            self._settle(done)

    def _patience(self, now: float) -> float:
        if now < self._resting_until:
            return min(IDLE_SECONDS, self._resting_until - now)
        due = self._intake.batcher.wait_s(now=now, single=self._step_failures > 0)
        return IDLE_SECONDS if due is None else min(IDLE_SECONDS, due)

    def _dispatch(self) -> None:
        """Hand the step a batch when one is due; a second one ahead only when it is full."""
        # After a failure one event at a time, so that the one it fails on is found and named.
        single = self._step_failures > 0
        batcher = self._intake.batcher
        while (now := time.monotonic()) >= self._resting_until and self._compute.outstanding < AHEAD:
            if self._compute.outstanding and (single or not batcher.has_full_batch):
                return
            if batcher.wait_s(now=now, single=single) != 0.0:
                return
            batch = batcher.cut(single=single)
            oldest = batch[0]
            age_s = time.time() - oldest.record.timestamp / 1000 if oldest.record.timestamp >= 0 else 0.0
            self._metrics.batch_taken(len(batch), queue_wait_s=now - oldest.arrived, age_s=max(0.0, age_s))
            self._compute.submit(batch)

    def _settle(self, done: Sequence[Processed], *, budget: float | None = None) -> None:
        """Publish and commit what the step is done with; a failure sends everything back to the committed offsets."""
        good: list[tuple[Taken, Outcome]] = []
        failed: Processed | None = None
        for processed in done:
            self._metrics.processed(processed.seconds, failed=processed.error is not None)
            if processed.error is not None:
                failed = processed
                break
            good.extend(zip(processed.batch, processed.outcomes, strict=True))
        counts = self._intake.partitions.counts
        good = [pair for pair in good if counts(pair[0])]
        if good and not self._publish(good, budget=budget):
            return
        if failed is not None and any(map(counts, failed.batch)):
            self._step_failed(failed)

    def _publish(self, results: Sequence[tuple[Taken, Outcome]], *, budget: float | None) -> bool:
        """One transaction; False when it was aborted and everything was sent back."""
        refused = refuse(results, left=self._flood.left(now=time.monotonic()), stopped=self._stops.stopped)
        waits = {index: outcome for index, (_, outcome) in enumerate(results) if isinstance(outcome, Wait)}
        waits |= refused.waiting
        settled = settle([taken for taken, _ in results], waits)
        accepted = [outcome for i in settled.accepted if isinstance(outcome := results[i][1], Publish)]
        records = [record for outcome in accepted for record in outcome.records]
        if settled.next_offsets or refused.flooded is not None:
            dead = sum(outcome.dead for outcome in accepted)
            started = time.monotonic()
            try:
                self._transactions.publish(
                    [*records, *self._stop_of(refused)],
                    settled.next_offsets,
                    self._intake.group_metadata(),
                    budget=budget,
                )
            except TransactionAbortedError as aborted:
                self._transaction_aborted(aborted)
                return False
            self._aborts.clear()
            self._step_failures = 0
            self._flood.wrote(dead, now=time.monotonic())
            self._metrics.committed(time.monotonic() - started, sent=len(records), dead_letters=dead)
            for partition, offset in settled.next_offsets.items():
                if self._intake.partitions.done(partition, offset):
                    log.info("%s[%d] goes on at %d", *partition, offset)
        if refused.flooded is not None:
            raise DeadLetterFloodError(
                f"{self._flood.limit} dead letters within a minute: {refused.flooded} takes no more of them",
                hint=RESUME_HINT.format(refused.flooded),
            )
        for partition, index in settled.held.items():
            self._intake.hold(partition, results[index][0].offset, waits[index].reason, now=time.monotonic())
        return True

    def _stop_of(self, refused: Refused) -> list[OutgoingRecord]:
        """The word that stops a flooded topic, for the transaction that brings it to its limit."""
        if refused.flooded is None:
            return []
        note = f"{self._flood.limit} dead letters within a minute"
        stop = DeadLetterStop(topic=refused.flooded, stopped=True, by=self.transactional_id[-128:], note=note)
        return [encode(stop)]

    def _transaction_aborted(self, aborted: TransactionAbortedError) -> None:
        self._aborts.append(str(aborted))
        self._metrics.aborted()
        if len(self._aborts) >= self._settings.max_failures:
            # Each reason once: the first says what Kafka refused, a later one perhaps only what came of it.
            reasons = "; then ".join(dict.fromkeys(self._aborts))
            raise KafkaFailedError(f"{len(self._aborts)} transactions aborted in a row: {reasons}") from aborted
        self._go_back(len(self._aborts))

    def _step_failed(self, failed: Processed) -> None:
        self._step_failures += 1
        first = failed.batch[0].record
        where = f"{first.topic}[{first.partition}]@{first.offset}"
        log.error("the step failed on %d event(s) from %s", len(failed.batch), where, exc_info=failed.error)
        if self._step_failures >= self._settings.max_failures:
            raise StepFailedError(
                f"the step failed {self._step_failures} times in a row, last on {where}: {failed.error!r}",
                hint="nothing is lost: mend the step and start the worker again",
            ) from failed.error
        self._go_back(self._step_failures)

    def _go_back(self, failures: int) -> None:
        self._intake.go_back()
        rest = min(self._settings.retry_max_s, self._settings.retry_initial_s * 2.0 ** (failures - 1))
        self._resting_until = time.monotonic() + rest

    def _finish(self, partitions: frozenset[PartitionId]) -> None:
        """Finish and commit what the step has of these partitions, within one wall-clock budget; drop the rest."""
        deadline = time.monotonic() + self._settings.revoke_budget_s
        counts = self._intake.partitions.counts
        self._intake.batcher.keep(lambda taken: taken.partition_id not in partitions)
        while self._compute.works_on(lambda taken: taken.partition_id in partitions and counts(taken)):
            left = deadline - time.monotonic()
            if left <= 0:
                log.warning("the step is not done after %.0f s: its work is dropped", self._settings.revoke_budget_s)
                return
            self._compute.wait(left)
            if done := self._compute.collect():
                self._settle(done, budget=max(1.0, deadline - time.monotonic()))
