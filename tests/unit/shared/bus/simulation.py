"""Kafka in memory, for one worker: partitions, committed offsets and what was published, nothing else.

It stands in for the broker so that Hypothesis can try orders of events that a real one produces once in a year. The
worker on it is the real one: intake, batcher, partitions, settling, publishing. What the broker itself does is tested
on Apache Kafka (tests/integration/bus).
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import TopicPartition

from shared.bus.errors import TransactionAbortedError
from shared.bus.loop import Worker
from shared.bus.partitions import Taken
from shared.bus.processing import Processed, Processor
from shared.bus.record import OutgoingRecord, PartitionId, Record

Wire = tuple[bytes | None, bytes | None, Any]


class Message:
    """A record as the client library hands it out."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def error(self) -> None:
        """None: it is a record."""

    def topic(self) -> str:
        """Its topic."""
        return self._record.topic

    def partition(self) -> int:
        """Its partition."""
        return self._record.partition

    def offset(self) -> int:
        """Its offset."""
        return self._record.offset

    def timestamp(self) -> tuple[int, int]:
        """Create time."""
        return 1, self._record.timestamp

    def key(self) -> bytes | None:
        """Its key."""
        return self._record.key

    def value(self) -> bytes | None:
        """Its value."""
        return self._record.value

    def headers(self) -> list[tuple[str, bytes | None]]:
        """Its headers."""
        return list(self._record.headers)


class Broker:
    """The log of each partition, the group's offsets, and every record that a committed transaction published."""

    def __init__(self) -> None:
        self.log: dict[PartitionId, list[Record]] = {}
        self.committed: dict[PartitionId, int] = {}
        self.published: list[OutgoingRecord] = []
        self.abort_next = 0

    def publish(
        self,
        records: Sequence[OutgoingRecord],
        offsets: Mapping[PartitionId, int],
        _metadata: object,
        *,
        budget: object = None,
    ) -> None:
        """One transaction: everything, or nothing (`abort_next` of them). Stands in for `Transactions`."""
        assert budget is None or isinstance(budget, float)
        if self.abort_next:
            self.abort_next -= 1
            raise TransactionAbortedError("as told")
        for partition, offset in offsets.items():
            assert offset >= self.committed.get(partition, 0), "a committed offset went back"
        self.published.extend(records)
        self.committed |= offsets


class Consumer:
    """One member of the group: positions, pauses, and the callbacks of a rebalance."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.position_of: dict[PartitionId, int] = {}
        self.paused: set[PartitionId] = set()
        self._turn: deque[PartitionId] = deque()

    def give(self, partition: PartitionId) -> None:
        """Own it from its committed offset on. librdkafka keeps a pause that was in force before; so does this."""
        self.position_of[partition] = self._broker.committed.get(partition, 0)
        self._turn.append(partition)

    def withdraw(self, partition: PartitionId) -> None:
        """Own it no more."""
        del self.position_of[partition]
        self._turn.remove(partition)

    def poll(self, _seconds: float) -> Message | None:
        """The next record of any partition that flows."""
        for _ in range(len(self._turn)):
            self._turn.rotate(-1)
            partition = self._turn[0]
            position = self.position_of[partition]
            due = [record for record in self._broker.log.get(partition, []) if record.offset >= position]
            if due and partition not in self.paused:
                self.position_of[partition] = due[0].offset + 1
                return Message(due[0])
        return None

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver nothing of these."""
        self.paused |= {(p.topic, p.partition) for p in partitions}

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver these again."""
        self.paused -= {(p.topic, p.partition) for p in partitions}

    def seek(self, partition: TopicPartition) -> None:
        """Go on elsewhere."""
        assert (partition.topic, partition.partition) in self.position_of, "sought a partition of somebody else"
        self.position_of[partition.topic, partition.partition] = partition.offset

    def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        """The group's offsets; -1001 where there is none."""
        assert timeout > 0
        offsets = self._broker.committed
        return [TopicPartition(p.topic, p.partition, offsets.get((p.topic, p.partition), -1001)) for p in partitions]

    def get_watermark_offsets(self, partition: TopicPartition, *, cached: bool) -> tuple[int, int]:
        """First and next offset."""
        assert cached
        log = self._broker.log.get((partition.topic, partition.partition), [])
        return 0, log[-1].offset + 1 if log else 0

    def position(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Where it reads on."""
        return [TopicPartition(p.topic, p.partition, self.position_of[p.topic, p.partition]) for p in partitions]

    def consumer_group_metadata(self) -> object:
        """Opaque."""
        return object()

    def close(self) -> None:
        """Leave."""


class Compute:
    """The step's thread without a thread: batches are worked on when told, in order. Stands in for `ComputeThread`."""

    busy_s = 0.0

    def __init__(self, process: Callable[[Sequence[Taken]], Processed]) -> None:
        self._process = process
        self._in: deque[list[Taken]] = deque()
        self._done: deque[Processed] = deque()

    @property
    def outstanding(self) -> int:
        """Batches handed in and not collected yet."""
        return len(self._in) + len(self._done)

    def works_on(self, wanted: Callable[[Taken], bool]) -> bool:
        """Whether a batch that is not collected yet has such a record."""
        batches = [*self._in, *(done.batch for done in self._done)]
        return any(wanted(taken) for batch in batches for taken in batch)

    def submit(self, batch: list[Taken]) -> None:
        """Hand in a batch."""
        self._in.append(batch)

    def work(self) -> None:
        """Do the oldest batch."""
        if self._in:
            self._done.append(self._process(self._in.popleft()))

    def wait(self, _seconds: float) -> None:
        """Waiting for the thread is letting it work."""
        self.work()

    def collect(self) -> list[Processed]:
        """What is done."""
        done = list(self._done)
        self._done.clear()
        return done


def put_on(worker: Worker, processor: Processor, broker: Broker) -> tuple[Consumer, Compute]:
    """Put a worker that was not started on `broker`, in place of its Kafka clients and its thread."""
    consumer, compute = Consumer(broker), Compute(processor)
    inside: Any = worker
    inside._intake._opened, inside._transactions, inside._compute = consumer, broker, compute
    return consumer, compute
