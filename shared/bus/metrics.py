"""What the bus counts and measures, through OpenTelemetry; without a configured meter it costs next to nothing."""

from typing import Final

from opentelemetry import metrics

METER: Final = metrics.get_meter("linegate.bus")


class BusMetrics:
    """The instruments of one worker. Names follow OpenTelemetry's messaging conventions where those have one.

    Args:
        worker: its name.
        group: its consumer group.
    """

    def __init__(self, worker: str, group: str) -> None:
        self._labels: Final = {"messaging.system": "kafka", "messaging.consumer.group.name": group, "worker": worker}
        self._consumed = METER.create_counter("messaging.client.consumed.messages", unit="{message}")
        self._sent = METER.create_counter("messaging.client.sent.messages", unit="{message}")
        self._process = METER.create_histogram("messaging.process.duration", unit="s", description="Step, per batch.")
        self._operation = METER.create_histogram(
            "messaging.client.operation.duration", unit="s", description="Transaction, from begin to commit."
        )
        self._batch = METER.create_histogram("linegate.bus.batch.size", unit="{message}")
        self._queue_wait = METER.create_histogram(
            "linegate.bus.queue.wait", unit="s", description="From poll to step, of the batch's oldest event."
        )
        self._age = METER.create_histogram(
            "linegate.bus.lag.seconds", unit="s", description="Age of the batch's oldest record when it was taken."
        )
        self._lag = METER.create_gauge(
            "linegate.bus.lag.messages", unit="{message}", description="Records behind the end of the partition."
        )
        self._commits = METER.create_counter("linegate.bus.commits")
        self._aborts = METER.create_counter("linegate.bus.aborts")
        self._rebalances = METER.create_counter("linegate.bus.rebalances")
        self._dead_letters = METER.create_counter("linegate.bus.dead_letters")
        self._retries = METER.create_counter("linegate.bus.retries")
        self._step_failures = METER.create_counter("linegate.bus.step.failures")

    def batch_taken(self, size: int, *, queue_wait_s: float, age_s: float) -> None:
        """A batch goes to the step."""
        self._consumed.add(size, self._labels)
        self._batch.record(size, self._labels)
        self._queue_wait.record(queue_wait_s, self._labels)
        self._age.record(age_s, self._labels)

    def processed(self, seconds: float, *, failed: bool) -> None:
        """The step is done with a batch."""
        self._process.record(seconds, self._labels)
        if failed:
            self._step_failures.add(1, self._labels)

    def committed(self, seconds: float, *, sent: int, dead_letters: int) -> None:
        """A transaction was committed."""
        self._operation.record(seconds, self._labels | {"messaging.operation.name": "commit"})
        self._commits.add(1, self._labels)
        self._sent.add(sent, self._labels)
        self._dead_letters.add(dead_letters, self._labels)

    def aborted(self) -> None:
        """A transaction was aborted."""
        self._aborts.add(1, self._labels)

    def rebalanced(self, kind: str) -> None:
        """Partitions came or went: `assign`, `revoke` or `lost`."""
        self._rebalances.add(1, self._labels | {"kind": kind})

    def retried(self) -> None:
        """An event asked to wait."""
        self._retries.add(1, self._labels)

    def lag(self, topic: str, partition: int, messages: int) -> None:
        """How far behind a partition is."""
        where = {"messaging.destination.name": topic, "messaging.destination.partition.id": str(partition)}
        self._lag.set(messages, self._labels | where)
