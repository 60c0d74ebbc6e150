"""The schedule keeps its promises: counts, order, and the same again from the same seed."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.plan import (
    BrokerRestart,
    Kill,
    NetworkFault,
    Point,
    RedisRestart,
    Size,
    Stop,
    Swap,
    Visit,
    Weather,
    make_plan,
)

few = st.integers(0, 40)
sizes = st.builds(
    Size,
    events=st.integers(1, 30_000),
    seconds=st.floats(1.0, 3_000.0),
    sigkills=st.integers(0, 120),
    sigstops=few,
    broker_restarts=few,
    redis_restarts=few,
    network_faults=few,
    visits=few,
    swaps=few,
)
FULL = Size(20_000, 720.0, 50, 8, 10, 10, 10, 12, 24)


@given(st.integers(0, 2**32), sizes)
def test_counts_are_met_exactly(seed: int, size: Size) -> None:
    """Whatever the dice say, no fault is missing and no photo either."""
    plan = make_plan(seed, size)
    found = Counter(type(fault) for fault in plan.faults)
    assert found == Counter(
        {
            Kill: size.sigkills,
            Stop: size.sigstops,
            BrokerRestart: size.broker_restarts,
            RedisRestart: size.redis_restarts,
            NetworkFault: size.network_faults,
            Visit: size.visits,
            Swap: size.swaps,
        }
    )
    assert sum(burst.photos for burst in plan.bursts) == size.events
    assert all(burst.photos > 0 for burst in plan.bursts)


@given(st.integers(0, 2**32), sizes)
def test_all_happens_in_order_within_the_time(seed: int, size: Size) -> None:
    """Ascending, from 0 to the end."""
    plan = make_plan(seed, size)
    for moments in ([fault.at for fault in plan.faults], [burst.at for burst in plan.bursts]):
        assert moments == sorted(moments)
        assert all(0 <= moment <= size.seconds for moment in moments)


@given(st.integers(0, 2**32), sizes)
def test_a_seed_is_a_schedule(seed: int, size: Size) -> None:
    """The same again, and not that of the next seed."""
    assert make_plan(seed, size) == make_plan(seed, size)
    assert make_plan(seed, size).bursts != make_plan(seed + 1, size).bursts


@given(st.integers(0, 2**32), st.integers(len(Point), 200))
def test_every_point_is_struck(seed: int, kills: int) -> None:
    """Where there are at least as many kills as points."""
    plan = make_plan(seed, Size(100, 60.0, kills, 0, 0, 0, 0, 0, 0))
    struck = [fault for fault in plan.faults if isinstance(fault, Kill)]
    assert {kill.point for kill in struck} == set(Point)
    assert all(kill.role == "score" for kill in struck if kill.point is Point.MID_MODEL_SWAP)
    assert not any(kill.guest for kill in struck if kill.point is not Point.MID_REVOKE)
    blows = Counter((kill.role, kill.number) for kill in struck if kill.point is not Point.MID_MODEL_SWAP)
    assert max(blows.values()) - min(blows[victim] for victim in blows) <= 1 + kills // 8


@pytest.mark.parametrize("seed", range(5))
def test_a_full_run_has_all_that_was_asked_for(seed: int) -> None:
    """Both ways to restart, every weather, faults for all and for one, both sides of a revoke."""
    faults = make_plan(seed, FULL).faults
    assert Counter(f.hard for f in faults if isinstance(f, BrokerRestart)) == {True: 5, False: 5}
    assert Counter(f.hard for f in faults if isinstance(f, RedisRestart)) == {True: 5, False: 5}
    network = [f for f in faults if isinstance(f, NetworkFault)]
    assert Counter(f.weather for f in network) == dict.fromkeys(Weather, 2)
    assert Counter((f.server, f.victim is not None) for f in network) == {
        ("kafka", False): 4,
        ("kafka", True): 3,
        ("redis", False): 3,
    }
    assert {f.guest for f in faults if isinstance(f, Kill) and f.point is Point.MID_REVOKE} == {True, False}


def test_sizes_are_sane() -> None:
    """A negative count is a mistake, not a schedule."""
    with pytest.raises(ValueError, match="counts"):
        Size(100, 60.0, -1, 0, 0, 0, 0, 0, 0)
