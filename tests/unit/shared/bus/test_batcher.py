"""Batches: adaptive, bounded, first in first out."""

from hypothesis import given
from hypothesis import strategies as st

from shared.bus.batcher import Batcher
from shared.bus.partitions import Taken
from shared.bus.record import Record


def batcher(**changes: float) -> Batcher:
    """A small one."""
    limits = {"max_events": 4, "max_wait_s": 0.25, "high_water": 8, "low_water": 3, "high_water_bytes": 1000} | changes
    return Batcher(**limits)  # type: ignore[arg-type] # the numbers' types are mixed on purpose


def item(offset: int, *, arrived: float = 0.0, size: int = 1) -> Taken:
    """One taken record."""
    return Taken(Record("t", 0, offset, 0, None, bytes(size), ()), 1, arrived)


def test_a_batch_waits_for_company_but_not_for_long() -> None:
    """Due when full, or when its oldest record has waited."""
    b = batcher()
    assert b.wait_s(now=0.0) is None
    b.add(item(0, arrived=1.0))
    assert b.wait_s(now=1.0) == 0.25
    assert b.wait_s(now=1.25) == 0.0
    for offset in range(1, 4):
        b.add(item(offset, arrived=1.001))
    assert b.wait_s(now=1.001) == 0.0


def test_full_by_records_or_by_bytes_and_relieved_below_the_low_mark() -> None:
    """Whichever mark is reached first."""
    by_count, by_bytes = batcher(), batcher()
    for offset in range(8):
        by_count.add(item(offset))
    by_bytes.add(item(0, size=1000))
    assert by_count.full
    assert by_bytes.full
    assert not by_bytes.relieved
    by_count.cut()
    assert not by_count.full
    assert not by_count.relieved
    by_count.cut(single=True)
    assert by_count.relieved


@given(st.lists(st.sampled_from(["add", "cut", "single", "keep"]), max_size=60))
def test_nothing_is_lost_doubled_or_reordered(actions: list[str]) -> None:
    """Whatever is done to it: records come out once, in order, and the byte count is true."""
    b, added, out, dropped = batcher(), 0, list[int](), set[int]()
    for action in actions:
        if action == "add":
            b.add(item(added, size=added % 5))
            added += 1
        elif action == "keep":
            dropped |= {i for i in range(added) if i % 7 == 3 and i not in out}
            b.keep(lambda taken: taken.offset % 7 != 3)
        else:
            out += [taken.offset for taken in b.cut(single=action == "single")]
    waiting = [taken.offset for _ in range(added) for taken in b.cut(single=True)]
    assert out + waiting == [i for i in range(added) if i not in dropped]
    assert b._bytes == 0
