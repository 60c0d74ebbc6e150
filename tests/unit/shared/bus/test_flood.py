"""The limit on dead letters: what it counts, and what it holds back."""

from hypothesis import given
from hypothesis import strategies as st

from shared.bus.flood import FloodGuard, refuse
from shared.bus.offsets import settle
from shared.bus.processing import Outcome, Publish, Wait
from shared.bus.record import OutgoingRecord, Record
from shared.events import DeadLetterStop

DLQ = "linegate.images.dlq"
GOOD = Publish((OutgoingRecord("linegate.crops", None, None, ()),))
DEAD = Publish((OutgoingRecord(DLQ, None, None, ()),), dead=True)
AWAY = Wait("the store is away")
STOP = DeadLetterStop(topic=DLQ, stopped=True, by="crop-0", note="600 within a minute")


def placed(outcomes: list[tuple[int, Outcome]]) -> list[tuple[Record, Outcome]]:
    """Outcomes of records that lie one behind the other in their partitions."""
    return [(Record("t", partition, i, 0, None, None, ()), outcome) for i, (partition, outcome) in enumerate(outcomes)]


def test_the_guard_counts_the_last_minute() -> None:
    """Old letters are forgotten."""
    guard = FloodGuard(10)
    guard.wrote(6, now=0.0)
    assert guard.left(now=30.0) == 4
    guard.wrote(4, now=30.0)
    assert guard.left(now=59.0) == 0
    assert guard.left(now=60.0) == 6


def test_zero_means_no_limit() -> None:
    """For a deliberate clearing out."""
    guard = FloodGuard(0)
    guard.wrote(1_000_000, now=0.0)
    assert guard.left(now=0.0) is None
    assert refuse(placed([(0, DEAD)] * 9), left=None, stopped={}).waiting == {}


def test_a_stopped_topic_takes_nothing_and_says_since_when() -> None:
    """Whatever the worker itself has counted; and other topics are none of its business."""
    refused = refuse(placed([(0, GOOD), (0, DEAD)]), left=None, stopped={DLQ: STOP})
    assert refused.flooded is None
    assert refused.waiting.keys() == {1}
    assert "crop-0: 600 within a minute" in refused.waiting[1].reason
    assert "linegate dlq resume linegate.images.dlq" in refused.waiting[1].reason
    assert refuse(placed([(0, DEAD)]), left=None, stopped={"other.dlq": STOP}).waiting == {}


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([GOOD, DEAD, AWAY])), max_size=40),
    st.integers(0, 20),
    st.booleans(),
)
def test_never_more_letters_than_are_left_and_no_less_than_can_be(
    outcomes: list[tuple[int, Outcome]], left: int, stopped: bool
) -> None:
    """What is accepted stays within the limit; only a letter is ever refused; a flood is told iff one was, for that."""
    results = placed(outcomes)
    refused = refuse(results, left=left, stopped={DLQ: STOP} if stopped else {})
    assert all(results[index][1] == DEAD for index in refused.waiting)
    waits = {i: o for i, (_, o) in enumerate(results) if isinstance(o, Wait)} | refused.waiting
    accepted = settle([place for place, _ in results], waits).accepted
    dead = sum(results[i][1] == DEAD for i in accepted)
    assert dead <= (0 if stopped else left)
    assert (refused.flooded is not None) == (bool(refused.waiting) and not stopped)
    if refused.flooded:
        assert dead == left
    if not refused.waiting:
        plain = [i for i, (_, o) in enumerate(results) if isinstance(o, Wait)]
        assert accepted == settle([place for place, _ in results], plain).accepted
