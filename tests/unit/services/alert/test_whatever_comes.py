"""Neither the order of arrival within the lateness, nor redelivery, nor a crash at any point changes what fires."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.alerts.conditions import EachFail, FailRate, FailsInWindow, SameRegion
from shared.events import Verdict
from tests.unit.services.alert.memory import at
from tests.unit.services.alert.parts import Memory, part, snapshot, subscription

LATENESS = 10
DESK = snapshot(
    subscription(EachFail(), "each"),
    subscription(FailsInWindow(fails=3, minutes=0.25), "many"),
    subscription(SameRegion(parts=3, radius=0.1, passes_between=1), "region", group_by=("line",)),
    subscription(FailRate(minutes=0.5, parts=5, baseline=0.2, factor=1, confidence=0.8), "rate"),
    subscription(FailRate(minutes=0.5, parts=5, baseline_hours=0.05, factor=1.5, confidence=0.6), "rise"),
)
PEAKS = st.sampled_from([(0.5, 0.5), (0.55, 0.5), (0.1, 0.9), None])
PARTS = st.lists(
    st.tuples(st.integers(0, 240), st.booleans(), PEAKS, st.sampled_from(["line-1", "line-2"])), max_size=60
)


class CrashError(Exception):
    """The process was killed."""


class Fuse:
    """Kills the process at certain calls of what is kept: before they have an effect, or after it."""

    def __init__(self, calls: Iterable[tuple[int, bool]]) -> None:
        self._left = dict(calls)
        self._count = 0

    def __call__(self, kept: Any) -> Any:
        """Around something that is kept."""
        fuse = self

        class Fused:
            def __getattr__(self, name: str) -> Any:
                method = getattr(kept, name)

                def call(*arguments: Any, **named: Any) -> Any:
                    fuse._count += 1
                    after = fuse._left.pop(fuse._count, None)
                    if after is False:
                        raise CrashError
                    answer = method(*arguments, **named)
                    if after is True:
                        raise CrashError
                    return answer

                return call

        return Fused()


def run(arrivals: list[Verdict], *, looks: set[int] = frozenset(), fuse: Fuse | None = None) -> Memory:  # type: ignore[assignment]
    """A worker that sees these in this order, one by one, and decides windows after some of them."""
    memory = Memory(DESK, lateness_s=LATENESS, **({} if fuse is None else {"wrap": fuse}))
    newest: datetime | None = None

    def survive(do: Any) -> None:
        while True:
            try:
                do()
            except CrashError:
                memory.begin()
            else:
                return

    for number, one in enumerate(arrivals):
        survive(lambda one=one: memory.step([one]))
        newest = one.captured if newest is None else max(newest, one.captured)
        if number in looks:
            # Whatever comes later is not older than this.
            survive(lambda before=newest - memory.lateness: memory.close(before))
    survive(lambda: memory.close(at(1000)))
    return memory


def photographed(drawn: list[tuple[int, bool, Any, str]]) -> list[Verdict]:
    """The parts that were drawn, in the order of their event time."""
    made = [
        part(number, seconds, failed=failed, peak=peak, line=line)
        for number, (seconds, failed, peak, line) in enumerate(drawn)
    ]
    return sorted(made, key=lambda one: one.captured)


@given(
    drawn=PARTS,
    delays=st.lists(st.integers(0, LATENESS), min_size=60, max_size=60),
    again=st.lists(st.integers(0, 59), max_size=10),
    looks=st.sets(st.integers(0, 70)),
    crashes=st.dictionaries(st.integers(1, 200), st.booleans(), max_size=6),
)
def test_only_what_happened_counts(
    drawn: list[tuple[int, bool, Any, str]],
    delays: list[int],
    again: list[int],
    looks: set[int],
    crashes: dict[int, bool],
) -> None:
    """Late, twice, and with a worker that is killed on the way: the same triggers of the same alerts."""
    made = photographed(drawn)
    plain = run(made)
    late = [
        one
        for _, one in sorted(zip(delays, made, strict=False), key=lambda pair: pair[1].captured.timestamp() + pair[0])
    ]
    for number in again:
        if made:
            # Redelivered at once, or much later.
            late.insert(min(len(late), late.index(made[number % len(made)]) + 1 + number), made[number % len(made)])
    other = run(late, looks=looks, fuse=Fuse(crashes.items()))
    assert other.book.outcome == plain.book.outcome


def test_the_test_can_fail() -> None:
    """There is something to compare: each subscription fires on some of what is drawn."""
    memory = run(
        photographed([(second * 4, second % 3 != 1 or second > 30, (0.5, 0.5), "line-1") for second in range(50)])
    )
    assert {key.split("|")[0] for key in memory.book.outcome} == {"each", "many", "region", "rate", "rise"}


@pytest.mark.parametrize("seed", range(3))
def test_batches_are_as_good_as_single_events(seed: int) -> None:
    """However the bus cuts them."""
    made = photographed([(n * 7 % 200, n % 2 == 0, (0.5, 0.5), f"line-{n % 2}") for n in range(40)])
    single = run(made)
    memory = Memory(DESK, lateness_s=LATENESS)
    for begin in range(0, 40, seed + 2):
        memory.step(made[begin : begin + seed + 2])
    memory.close(at(1000))
    assert memory.book.outcome == single.book.outcome
