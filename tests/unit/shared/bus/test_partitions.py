"""Owned partitions, and which in-memory work still counts."""

from shared.bus.partitions import Partitions, Taken
from shared.bus.record import Record

A, B = ("t", 0), ("t", 1)


def record(partition: int, offset: int) -> Record:
    """An empty record."""
    return Record("t", partition, offset, 0, None, None, ())


def taken(partitions: Partitions, partition: int, offset: int) -> Taken:
    """Take a record that must be taken."""
    result = partitions.take(record(partition, offset), now=0.0)
    assert result is not None
    return result


def owning(*ids: tuple[str, int]) -> Partitions:
    """Partitions, assigned."""
    partitions = Partitions(retry_initial_s=1.0, retry_max_s=8.0)
    partitions.assign(ids)
    return partitions


def test_work_does_not_outlive_a_revoke_even_when_the_partition_comes_back() -> None:
    """The zombie inside: work from before a revoke is void for ever."""
    partitions = owning(A)
    work = taken(partitions, 0, 5)
    assert partitions.counts(work)
    partitions.revoke([A])
    assert not partitions.counts(work)
    partitions.assign([A])
    assert not partitions.counts(work)


def test_records_of_foreign_partitions_are_not_taken() -> None:
    """What librdkafka delivers late is left alone."""
    assert owning(A).take(record(1, 0), now=0.0) is None


def test_a_held_partition_voids_its_work_takes_nothing_and_lets_the_others_be() -> None:
    """Hold back one partition only."""
    partitions = owning(A, B)
    mine, other = taken(partitions, 0, 5), taken(partitions, 1, 7)
    assert partitions.hold(A, 5, now=100.0) is not None
    assert not partitions.counts(mine)
    assert partitions.counts(other)
    assert partitions.take(record(0, 6), now=100.0) is None
    assert partitions.pause_change(all_paused=False).pause == (A,)
    partitions.release_due(now=200.0)
    assert partitions.pause_change(all_paused=False).resume == (A,)
    assert partitions.counts(taken(partitions, 0, 5))


def test_the_pause_doubles_up_to_its_limit_and_is_told_once() -> None:
    """Exponential back-off with jitter; a new offset begins anew."""
    partitions = owning(A)
    assert partitions.hold(A, 5, now=0.0) is not None
    for attempt in range(1, 40):
        assert partitions.hold(A, 5, now=0.0) is None
        limit = min(8.0, 2.0**attempt)
        partitions.release_due(now=limit / 2 - 0.01)
        assert partitions.held == 1
        partitions.release_due(now=limit)
        assert partitions.held == 0
    assert not partitions.done(A, 5)
    assert partitions.done(A, 6)
    assert not partitions.done(A, 7)
    delay = partitions.hold(A, 9, now=0.0)
    assert delay is not None
    assert delay <= 1.0


def test_only_differences_are_told_to_the_consumer() -> None:
    """Pausing throws prefetched records away: never without need."""
    partitions = owning(A, B)
    assert set(partitions.pause_change(all_paused=True).pause) == {A, B}
    assert partitions.pause_change(all_paused=True).pause == ()
    partitions.hold(A, 0, now=0.0)
    assert partitions.pause_change(all_paused=False).resume == (B,)


def test_a_partition_that_comes_back_is_told_whether_to_flow() -> None:
    """What was paused when it left is paused when it comes back, for librdkafka: it would stand for ever."""
    partitions = owning(A)
    assert partitions.pause_change(all_paused=True).pause == (A,)
    partitions.revoke([A])
    partitions.assign([A])
    assert partitions.pause_change(all_paused=False).resume == (A,)
    assert partitions.pause_change(all_paused=False).resume == ()


def test_where_to_go_back_is_where_this_ownership_began() -> None:
    """A group that has committed nothing yet starts again at the first record taken."""
    partitions = owning(A, B)
    taken(partitions, 0, 5)
    taken(partitions, 0, 6)
    assert partitions.begun() == {A: 5}
