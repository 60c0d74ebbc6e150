"""The consuming side of the loop: the group, back-pressure, and going back. Called from the loop's thread only."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from shared.bus.batcher import Batcher
from shared.bus.clients import open_consumer, record_of
from shared.bus.errors import KafkaFailedError
from shared.bus.metrics import BusMetrics
from shared.bus.partitions import Partitions
from shared.bus.position import committed_offsets, seek
from shared.bus.record import PartitionId
from shared.bus.refusals import Refusals, rights_hint
from shared.bus.settings import BusSettings

log = logging.getLogger(__name__)

STALL_SECONDS: Final = 1.0
"""How long intake may stay full before partitions are paused. Pausing throws librdkafka's prefetched records away and
fetches them again, so a loop that is merely busy does not pause: it just asks for nothing for a moment."""
LAG_SECONDS: Final = 5.0


class Intake:
    """Takes records of the subscribed topics into a batcher.

    Args:
        settings: of the bus.
        group: consumer group.
        topics: to subscribe to.
        metrics: of the worker.
        finish: called before partitions go to another worker, with their ids: finish and commit what there is of them.
    """

    def __init__(
        self,
        settings: BusSettings,
        *,
        group: str,
        topics: Sequence[str],
        metrics: BusMetrics,
        finish: Callable[[frozenset[PartitionId]], None],
    ) -> None:
        self._settings: Final = settings
        self._group: Final = group
        self._topics: Final = list(topics)
        self._metrics: Final = metrics
        self._finish: Final = finish
        self.partitions: Final = Partitions(retry_initial_s=settings.retry_initial_s, retry_max_s=settings.retry_max_s)
        self.batcher: Final = Batcher(
            max_events=settings.max_events,
            max_wait_s=settings.max_wait_ms / 1000,
            high_water=settings.high_water,
            low_water=settings.low_water,
            high_water_bytes=settings.high_water_bytes,
        )
        self._refusals: Final = Refusals(settings, log.warning)
        self.joined = False
        """Whether the group has given this member its share, be it nothing."""
        self._opened: Consumer | None = None
        self._callback_error: BaseException | None = None
        self._full_since: float | None = None
        self._stalled = False
        self._astray_until: float | None = None
        self._lag_at = 0.0

    def open(self) -> None:
        """Join the group."""
        options = {
            "group.id": self._group,
            "auto.offset.reset": self._settings.start,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": self._settings.session_timeout_ms,
            "error_cb": self._refusals,
        }
        self._opened = open_consumer(self._settings, **options)
        self._opened.subscribe(
            self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def close(self) -> None:
        """Leave the group; what is in hand is finished first, unless it was given up.

        Raises:
            BusError: finishing failed.
        """
        if self._opened is not None:
            self._opened.close()
            self._opened = None
            self._raise_callback_error()

    def give_up(self) -> None:
        """Make all work in hand void, for good: nothing of it may be committed any more."""
        self._void_for_good(self.partitions.ids)

    @property
    def congested(self) -> bool:
        """Whether there is enough in hand, so that `take` would only wait."""
        return self.batcher.full and not self._stalled

    def take(self, seconds: float) -> None:
        """Serve the group's callbacks and take what has come; waits at most `seconds` for the first record.

        Raises:
            KafkaFailedError: Kafka refused for good.
            BusError: finishing revoked partitions failed.
        """
        took = self._take_one(seconds)
        while took and not self.batcher.full:
            took = self._take_one(0.0)

    def keep_order(self, *, now: float) -> None:
        """Look after pauses (held partitions whose time is over, the water marks) and the way back after a failure.

        Raises:
            KafkaFailedError: the way back was not found within the budget, or Kafka refused us for all of it.
        """
        self._refusals.check(self._consumer)
        self._find_way_back()
        self.partitions.release_due(now=now)
        if not self.batcher.full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = now
        if self._stalled:
            self._stalled = not self.batcher.relieved
        elif self._full_since is not None and now - self._full_since > STALL_SECONDS:
            self._stalled = True
        self._apply_pauses()
        if now - self._lag_at > LAG_SECONDS:
            self._lag_at = now
            self._report_lag()

    def group_metadata(self) -> object:
        """This member of the group, as a transaction's offsets need it."""
        return self._consumer.consumer_group_metadata()

    def go_back(self) -> None:
        """Drop all work in memory and read again from the committed offsets.

        Those may take a while to learn (Kafka is away); until then this polls and takes nothing.

        Raises:
            KafkaFailedError: they cannot be gone to; going on would skip records, a restart does not.
        """
        self.partitions.void(self.partitions.ids)
        self.batcher.keep(self.partitions.counts)
        self._astray_until = time.monotonic() + self._settings.call_budget_s
        self._find_way_back()

    def _find_way_back(self) -> None:
        if self._astray_until is None:
            return
        offsets = committed_offsets(self._consumer, self.partitions.begun())
        if offsets is not None:
            seek(self._consumer, offsets)
            self._astray_until = None
        elif time.monotonic() > self._astray_until:
            raise KafkaFailedError("Kafka does not tell the committed offsets", hint="is the group's coordinator up?")

    def hold(self, partition: PartitionId, offset: int, reason: str, *, now: float) -> None:
        """Hold one partition back before `offset`; the others go on.

        Raises:
            KafkaFailedError: the partition cannot be sent back.
        """
        self._metrics.retried()
        delay = self.partitions.hold(partition, offset, now=now)
        if delay is not None:
            log.warning("%s[%d] waits at %d, first for %.1f s: %s", *partition, offset, delay, reason)
        self.batcher.keep(self.partitions.counts)
        self._apply_pauses()  # before the seek: a paused partition fetches nothing that we would drop
        seek(self._consumer, {partition: offset})

    @property
    def _consumer(self) -> Consumer:
        if self._opened is None:
            raise KafkaFailedError("the consumer is not open")
        return self._opened

    def _take_one(self, seconds: float) -> bool:
        message = self._consumer.poll(seconds)
        self._raise_callback_error()
        if message is None:
            return False
        error = message.error()
        if error is not None:
            _mind(error)
            return False
        taken = self.partitions.take(record_of(message), now=time.monotonic())
        # Astray, a record only tells where its partition began: it will be read again from the committed offset.
        if taken is not None and self._astray_until is None:
            self.batcher.add(taken)
        return True

    def _apply_pauses(self) -> None:
        change = self.partitions.pause_change(all_paused=self._stalled)
        if change.pause:
            self._consumer.pause([TopicPartition(*partition) for partition in change.pause])
        if change.resume:
            self._consumer.resume([TopicPartition(*partition) for partition in change.resume])

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalanced("assign")
        self.partitions.assign(_ids(partitions))
        self.joined = True
        log.info("assigned: %s", _names(partitions))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalanced("revoke")
        # The client library would lose what a callback raises while closing.
        try:
            self._finish(frozenset(_ids(partitions)) & self.partitions.ids)
        except BaseException as error:  # noqa: BLE001 - raised again by the next call
            self._callback_error = error
        self._void_for_good(_ids(partitions))
        log.info("revoked: %s", _names(partitions))

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        # Another worker may own them already: nothing of ours on them counts any more.
        self._metrics.rebalanced("lost")
        self._void_for_good(_ids(partitions))
        log.warning("lost: %s", _names(partitions))

    def _void_for_good(self, partitions: Iterable[PartitionId]) -> None:
        self.partitions.revoke(partitions)
        self.batcher.keep(self.partitions.counts)

    def _raise_callback_error(self) -> None:
        if self._callback_error is not None:
            error, self._callback_error = self._callback_error, None
            raise error

    def _report_lag(self) -> None:
        for topic, partition in self.partitions.ids:
            where = TopicPartition(topic, partition)
            try:
                watermarks: Any = self._consumer.get_watermark_offsets(where, cached=True)
                (position,) = self._consumer.position([where])
            except KafkaException:
                continue  # not known yet; the next report has it
            if watermarks is not None and watermarks[1] >= 0 and position.offset >= 0:
                self._metrics.lag(topic, partition, max(0, watermarks[1] - position.offset))


def _mind(error: KafkaError) -> None:
    if error.fatal() or error.code() in {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}:
        raise KafkaFailedError(f"Kafka refused for good: {error.str()} ({error.name()})", hint=rights_hint(error))
    log.warning("kafka: %s", error.str())


def _ids(partitions: Iterable[TopicPartition]) -> list[PartitionId]:
    return [(partition.topic, partition.partition) for partition in partitions]


def _names(partitions: Iterable[TopicPartition]) -> str:
    return ", ".join(f"{partition.topic}[{partition.partition}]" for partition in partitions) or "nothing"
