"""A moment is settled when everything that came before it went through every queue, and not before."""

from collections.abc import Mapping
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.alert.ticking.settled import Settled
from tests.unit.services.alert.memory import START, at


class Pipe:
    """Two queues in a row, of two partitions each: what is taken from the first is put into the second."""

    def __init__(self) -> None:
        self.now = 0
        self.items: list[list[list[int]]] = [[[], []], [[], []]]
        self.done = [[0, 0], [0, 0]]
        self.arrived: list[int] = []
        self.through: list[int] = []

    def come(self, partition: int) -> None:
        """A photo comes."""
        self.items[0][partition].append(len(self.arrived))
        self.arrived.append(self.now)

    def work(self, queue: int, partition: int) -> None:
        """The next one of a partition is dealt with."""
        items, done = self.items[queue][partition], self.done[queue]
        if done[partition] < len(items):
            item = items[done[partition]]
            done[partition] += 1
            if queue == 0:
                self.items[1][(partition + item) % 2].append(item)
            else:
                self.through.append(item)

    def queue(self, number: int) -> "PipeQueue":
        """One of them, as `Settled` asks it."""
        return PipeQueue(self, number)


class PipeQueue:
    """See `Queue`."""

    def __init__(self, pipe: Pipe, number: int) -> None:
        self._pipe, self._number = pipe, number

    def ends(self) -> Mapping[int, int]:
        """See `Queue.ends`."""
        return {partition: len(items) for partition, items in enumerate(self._pipe.items[self._number])}

    def passed(self, ends: Mapping[int, int]) -> bool:
        """See `Queue.passed`."""
        return all(self._pipe.done[self._number][partition] >= end for partition, end in ends.items())


@given(st.lists(st.sampled_from(["come 0", "come 1", "0 0", "0 1", "1 0", "1 1", "look"]), max_size=120))
def test_everything_before_a_settled_moment_went_through(actions: list[str]) -> None:
    """Whatever comes and goes in between; and once all is done, the present is settled."""
    pipe = Pipe()
    settled = Settled([pipe.queue(0), pipe.queue(1)])
    for action in actions:
        pipe.now += 1
        if action.startswith("come"):
            pipe.come(int(action[-1]))
        elif action == "look":
            found = settled.look(at(pipe.now))
            if found is not None:
                until = (found - START) // timedelta(seconds=1)
                assert {n for n, time in enumerate(pipe.arrived) if time < until} <= set(pipe.through)
        else:
            pipe.work(*(int(number) for number in action.split()))
    for queue in (0, 1):
        for partition in (0, 1):
            for _ in pipe.arrived:
                pipe.work(queue, partition)
    pipe.now += 1
    settled.look(at(pipe.now))
    assert settled.look(at(pipe.now)) == at(pipe.now)


def test_it_stands_still_while_something_waits() -> None:
    """However long."""
    pipe = Pipe()
    settled = Settled([pipe.queue(0), pipe.queue(1)])
    assert settled.moment is None
    assert settled.look(at(1)) == at(1)
    pipe.come(0)
    assert [settled.look(at(second)) for second in (2, 3, 400)] == [at(1)] * 3
    pipe.work(0, 0)
    assert settled.look(at(500)) == at(1)
    pipe.work(1, 0)
    assert settled.look(at(501)) == at(2)
    assert settled.look(at(502)) == at(502)
