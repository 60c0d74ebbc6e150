"""Which offsets may be committed."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.offsets import settle


@dataclass(frozen=True)
class At:
    """A place."""

    partition: int
    offset: int

    @property
    def partition_id(self) -> tuple[str, int]:
        """As the loop has it."""
        return "t", self.partition


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[At], set[int]]:
    """Records of some partitions, interleaved, with gaps as transaction markers leave them; some have to wait."""
    partitions = draw(st.lists(st.integers(0, 3), max_size=40))
    offsets = dict.fromkeys(range(4), -1)
    records = []
    for partition in partitions:
        offsets[partition] += draw(st.integers(1, 3))
        records.append(At(partition, offsets[partition]))
    waiting = draw(st.sets(st.integers(0, max(0, len(records) - 1)))) if records else set()
    return records, waiting


@given(batches())
def test_of_each_partition_exactly_the_prefix_before_the_first_waiting_record(case: tuple[list[At], set[int]]) -> None:
    """Nothing behind a waiting record is published or committed, and nothing before it is left out."""
    records, waiting = case
    settled = settle(records, waiting)
    for partition in {record.partition for record in records}:
        own = [i for i, record in enumerate(records) if record.partition == partition]
        first = next((i for i in own if i in waiting), None)
        prefix = [i for i in own if first is None or i < first]
        assert [i for i in settled.accepted if i in own] == prefix
        assert settled.held.get(("t", partition)) == first
        expected = records[prefix[-1]].offset + 1 if prefix else None
        assert settled.next_offsets.get(("t", partition)) == expected
    assert list(settled.accepted) == sorted(settled.accepted)


@given(batches(), batches())
def test_settling_twice_commits_as_settling_at_once(
    first: tuple[list[At], set[int]], second: tuple[list[At], set[int]]
) -> None:
    """Batches may be put into one transaction or into two: the offsets end up alike (without waiting records)."""
    ends = {r.partition: r.offset + 1 for r in first[0]}
    later = [At(r.partition, r.offset + ends.get(r.partition, 0)) for r in second[0]]
    at_once = settle([*first[0], *later], ()).next_offsets
    assert at_once == settle(first[0], ()).next_offsets | settle(later, ()).next_offsets


def test_offsets_that_do_not_ascend_are_refused() -> None:
    """A record that comes twice, or late, would make the map lie."""
    with pytest.raises(ValueError, match="offset 3 came after 3"):
        settle([At(0, 3), At(0, 3)], ())
