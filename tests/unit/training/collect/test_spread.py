"""Some of many, evenly over time."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from training.collect.spread import SLOTS, spread

HOUR = 3600.0
times = st.lists(st.floats(0, SLOTS * HOUR), max_size=200)


def slot_of(time: float, all_times: list[float]) -> int:
    """As `spread` cuts the time."""
    start, end = min(all_times), max(all_times)
    return min(int((time - start) / ((end - start) / SLOTS or 1.0)), SLOTS - 1)


@given(times=times, most=st.integers(1, 250))
def test_as_many_as_asked_and_no_slot_dominates(times: list[float], most: int) -> None:
    """Each at most once; a slot gives two more than another only where the other has no more to give."""
    taken = spread(times, most)
    assert len(taken) == len(set(taken)) == min(len(times), most)
    assert taken == sorted(taken)
    if not times:
        return
    sizes = Counter(slot_of(time, times) for time in times)
    given_by = Counter(slot_of(times[index], times) for index in taken)
    for slot, size in sizes.items():
        if given_by[slot] < size:
            assert given_by[slot] >= max(given_by.values()) - 1


def test_a_night_shift_counts_like_a_day_shift() -> None:
    """Ten times fewer parts at night, yet as many photos of them."""
    day = [n * HOUR / 1000 for n in range(12 * 1000)]
    night = [12 * HOUR + n * HOUR / 100 for n in range(12 * 100)]
    taken = spread(day + night, 400)
    assert abs(sum(index < len(day) for index in taken) - 200) <= SLOTS / 12


def test_few_are_spread_over_the_whole_time() -> None:
    """Fewer than slots: not only the first hours."""
    taken = spread([n * HOUR for n in range(SLOTS)], 4)
    assert [index // (SLOTS // 4) for index in taken] == [0, 1, 2, 3]


def test_photos_of_one_moment() -> None:
    """No time passed between them."""
    assert len(spread([5.0] * 10, 3)) == 3
