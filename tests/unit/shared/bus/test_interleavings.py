"""Exactly once under every order of arrivals, work, commits, aborts, retries, failures and rebalances.

The rules below move one real worker on a broker in memory; after each of them the invariants hold.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.bus.envelope import encode
from shared.bus.loop import Worker
from shared.bus.processing import Processor
from shared.bus.record import PartitionId, Record
from shared.bus.settings import BusSettings
from shared.bus.step import DeadLetter, Emit, Result, Retry
from shared.events import PartImage, derived_event_id
from shared.events.base import now
from tests.unit.shared.bus.simulation import Broker, put_on

TOPIC = PartImage.TOPIC
PARTITIONS: tuple[PartitionId, ...] = ((TOPIC, 0), (TOPIC, 1), (TOPIC, 2))
SETTINGS = BusSettings(
    max_events=3, max_wait_ms=0, high_water=6, low_water=2, retry_initial_s=1e-9, retry_max_s=1e-9, max_failures=10**6,
    dead_letters_per_minute=0, revoke_budget_s=60.0,
)  # fmt: skip
"""Pauses that are over at once: time is not what is explored here."""
KINDS = st.sampled_from(["good", "good", "good", "bad", "silent", "broken", "retry once", "retry twice", "fail once"])


class WorkerMachine(RuleBasedStateMachine):
    """Whatever happens: what is committed is published, exactly once, in order, and nothing else is."""

    def __init__(self) -> None:
        super().__init__()
        self.broker = Broker()
        worker = Worker(self.step, consumes=PartImage, name="sim", settings=SETTINGS)
        self.worker: Any = worker
        self.consumer, self.compute = put_on(
            worker, Processor(self.step, [PartImage], worker="sim", group="sim"), self.broker
        )
        self.owned: set[PartitionId] = set()
        self.numbers = itertools.count()
        self.kind: dict[str, str] = {}
        self.left: Counter[str] = Counter()
        self.last_committed: dict[PartitionId, int] = {}

    def step(self, batch: Sequence[PartImage]) -> list[Result]:
        """Does to each event what its kind says; the next time may be another."""
        results: list[Result] = []
        for event in batch:
            kind = self.kind[event.id]
            if self.left[event.id] > 0:
                self.left[event.id] -= 1
                if kind.startswith("fail"):
                    raise RuntimeError("as told")
                results.append(Retry("as told"))
            elif kind == "bad":
                results.append(DeadLetter("as told"))
            else:
                out = event.model_copy(update={"id": derived_event_id(event.id, "out")})
                results.append(Emit(() if kind == "silent" else (out,)))
        return results

    @initialize()
    def begin(self) -> None:
        """All partitions are ours."""
        for partition in PARTITIONS:
            self.assign(partition)

    # What the world does.

    @rule(partition=st.sampled_from(PARTITIONS), kind=KINDS, gap=st.sampled_from([0, 0, 1]))
    def arrive(self, partition: PartitionId, kind: str, gap: int) -> None:
        """A record arrives; transaction markers leave gaps in the offsets."""
        log = self.broker.log.setdefault(partition, [])
        event = PartImage(
            id=f"e{next(self.numbers)}",
            part="p",
            plant="m",
            line="l",
            captured=now(),
            pixels=b"x",
            mediatype="image/png",
        )
        sent = encode(event)
        headers = () if kind == "broken" else sent.headers
        offset = (log[-1].offset + 1 if log else 0) + gap
        log.append(Record(*partition, offset, 0, event.id.encode(), sent.value, headers))
        self.kind[event.id] = kind
        self.left[event.id] = {"retry once": 1, "retry twice": 2, "fail once": 1}.get(kind, 0)

    @rule(count=st.integers(1, 3))
    def abort(self, count: int) -> None:
        """The next transactions are aborted."""
        self.broker.abort_next = count

    @precondition(lambda self: self.owned)
    @rule(data=st.data(), lost=st.booleans(), others=st.integers(0, 2))
    def take_away(self, data: st.DataObject, lost: bool, others: int) -> None:
        """A partition goes to another worker, in order or (lost) without a word, and that one does some work."""
        partition = data.draw(st.sampled_from(sorted(self.owned)))
        if lost:
            self.somebody_else_works(partition, others)
            self.owned.discard(partition)
            self.worker._intake._on_lost(self.consumer, _positions(partition))
        else:
            self.worker._intake._on_revoke(self.consumer, _positions(partition))
            self.owned.discard(partition)
            self.somebody_else_works(partition, others)
        self.consumer.withdraw(partition)

    def somebody_else_works(self, partition: PartitionId, count: int) -> None:
        """Another worker of the group publishes and commits the next records."""
        due = [r for r in self.broker.log.get(partition, []) if r.offset >= self.broker.committed.get(partition, 0)]
        for record in due[:count]:
            outcomes = Processor(self.others_step, [PartImage], worker="other", group="sim")([_taken(record)]).outcomes
            (outcome,) = outcomes
            self.broker.published.extend(outcome.records)  # type: ignore[union-attr] # nothing waits there
            self.broker.committed[partition] = record.offset + 1

    def others_step(self, batch: Sequence[PartImage]) -> list[Result]:
        """The same step on a good day."""
        for event in batch:
            self.left[event.id] = 0
        return self.step(batch)

    @precondition(lambda self: len(self.owned) < len(PARTITIONS))
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """A partition comes (back) to us."""
        self.assign(data.draw(st.sampled_from(sorted(set(PARTITIONS) - self.owned))))

    def assign(self, partition: PartitionId) -> None:
        """Own it."""
        self.owned.add(partition)
        self.consumer.give(partition)
        self.worker._intake._on_assign(self.consumer, _positions(partition))

    # What the worker's loop does, in any order.

    @rule()
    def take(self) -> None:
        """Poll."""
        self.worker._intake.take(0.0)

    @rule()
    def keep_order(self) -> None:
        """Let go what was held back long enough, pause and resume."""
        self.worker._intake.keep_order(now=float("inf"))

    @rule()
    def dispatch(self) -> None:
        """Hand a batch to the step."""
        self.worker._resting_until = 0.0
        self.worker._dispatch()

    @rule()
    def work(self) -> None:
        """The step does a batch."""
        self.compute.work()

    @rule()
    def settle(self) -> None:
        """Publish and commit what is done."""
        if done := self.compute.collect():
            self.worker._settle(done)

    # What must hold.

    @invariant()
    def published_is_what_lies_before_the_committed_offsets(self) -> None:
        """Each record's output once, none of a record behind the offset: no loss, no double, nothing early."""
        expected: Counter[tuple[str, bytes | None]] = Counter()
        for partition, log in self.broker.log.items():
            for record in log:
                kind = self.kind[(record.key or b"").decode()]
                if record.offset < self.broker.committed.get(partition, 0) and kind != "silent":
                    dead = kind in ("bad", "broken")
                    event = (record.key or b"").decode()
                    expected[
                        "dead" if dead else "out", record.key if dead else derived_event_id(event, "out").encode()
                    ] += 1
        found: Counter[tuple[str, bytes | None]] = Counter()
        for sent in self.broker.published:
            if sent.topic == TOPIC:
                found["out", dict(sent.headers)["ce_id"]] += 1
            else:
                found["dead", sent.key] += 1
        assert found == expected

    @invariant()
    def committed_offsets_never_go_back(self) -> None:
        """Nor does one exist for a partition that has no records."""
        for partition, offset in self.broker.committed.items():
            assert offset >= self.last_committed.get(partition, 0)
            assert offset <= self.broker.log[partition][-1].offset + 1
        self.last_committed = dict(self.broker.committed)

    def teardown(self) -> None:
        """When the world calms down, everything gets done: nothing is stuck, paused or forgotten."""
        for partition in sorted(set(PARTITIONS) - self.owned):
            self.assign(partition)
        for _ in range(40 * (3 + sum(map(len, self.broker.log.values())))):
            self.keep_order()
            self.take()
            self.dispatch()
            self.work()
            self.settle()
        for partition, log in self.broker.log.items():
            assert self.broker.committed.get(partition) == log[-1].offset + 1, f"{partition} is stuck"
        self.published_is_what_lies_before_the_committed_offsets()


def _positions(partition: PartitionId) -> list[Any]:
    from confluent_kafka import TopicPartition

    return [TopicPartition(*partition)]


def _taken(record: Record) -> Any:
    from shared.bus.partitions import Taken

    return Taken(record, 0, 0.0)


TestWorkerMachine = WorkerMachine.TestCase
TestWorkerMachine.settings = settings(max_examples=60, stateful_step_count=40)
