"""Routing is a pure function of the assignment and the part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.score.route import Route, route
from shared.registry.records import Assignment, Canary

PARTS = st.text(alphabet="ABCDEFGH0123456789", min_size=1, max_size=20)
PERCENTS = st.sampled_from([0.0, 0.01, 1.0, 5.0, 33.3, 50.0, 99.99, 100.0])


def assignment(percent: float, shadow: str | None = None) -> Assignment:
    """A champion with a canary at `percent`."""
    return Assignment(champion="v1", canary=Canary(version="v2", percent=percent), shadow=shadow)


def test_without_a_canary_the_champion_judges() -> None:
    """The usual case."""
    assert route(Assignment(champion="v1"), "P1") == Route("v1", "champion", None)


@given(PARTS)
def test_nobody_goes_to_a_canary_at_zero_and_everybody_at_a_hundred(part: str) -> None:
    """The ends of the scale are exact."""
    assert route(assignment(0), part).arm == "champion"
    assert route(assignment(100), part) == Route("v2", "canary", None)


@given(PARTS, st.floats(0, 100), st.floats(0, 100))
def test_raising_the_share_keeps_those_already_on_the_canary(part: str, one: float, other: float) -> None:
    """A part never leaves the canary because its share grew."""
    low, high = sorted((one, other))
    if route(assignment(low), part).arm == "canary":
        assert route(assignment(high), part).arm == "canary"


@given(st.lists(st.floats(0, 100), min_size=2, max_size=6), st.sets(PARTS, min_size=1, max_size=30))
def test_a_rollout_only_ever_adds_parts(percents: list[float], parts: set[str]) -> None:
    """Through any series of rising shares each part changes sides at most once; the same share gives the same sides."""
    on_trial: set[str] = set()
    for percent in sorted(percents):
        now = {part for part in parts if route(assignment(percent), part).arm == "canary"}
        assert on_trial <= now
        on_trial = now
    for percent in percents:
        assert {part for part in parts if route(assignment(percent), part).arm == "canary"} <= on_trial


@given(st.text("abz019.-", min_size=1, max_size=12), st.sampled_from(["{}", "VIN{:017d}", "4711-{:06d}/a"]), PERCENTS)
def test_the_share_is_kept_whatever_parts_and_versions_are_called(version: str, naming: str, percent: float) -> None:
    """Serial numbers in a row, and any salt: within five standard deviations of a binomial."""
    trial = Assignment(champion="v1", canary=Canary(version=f"v{version}", percent=percent))
    count, p = 2_000, percent / 100
    hits = sum(route(trial, naming.format(i)).arm == "canary" for i in range(count))
    assert abs(hits - count * p) <= 5 * (count * p * (1 - p)) ** 0.5 + count / 10_000


@given(PARTS, st.floats(0, 100), st.sampled_from([None, "v1", "v2", "v9"]))
def test_a_shadow_never_gates(part: str, percent: float, shadow: str | None) -> None:
    """With or without one, the same version judges on the same arm."""
    without, with_shadow = route(assignment(percent), part), route(assignment(percent, shadow), part)
    assert (with_shadow.version, with_shadow.arm) == (without.version, without.arm)
    assert with_shadow.version in ("v1", "v2")
    assert with_shadow.arm in ("champion", "canary")


@pytest.mark.parametrize("percent", [1.0, 20.0, 50.0])
def test_the_share_is_kept(percent: float) -> None:
    """Over many parts the canary gets about its share (four standard deviations of a binomial)."""
    count = 20_000
    hits = sum(route(assignment(percent), f"PART-{i}").arm == "canary" for i in range(count))
    p = percent / 100
    assert abs(hits - count * p) < 4 * (count * p * (1 - p)) ** 0.5


def test_two_trials_in_a_row_take_different_parts() -> None:
    """The hash is salted with the canary's version."""
    other = Assignment(champion="v1", canary=Canary(version="v3", percent=20))
    first = {i for i in range(2000) if route(assignment(20), f"P{i}").arm == "canary"}
    second = {i for i in range(2000) if route(other, f"P{i}").arm == "canary"}
    assert len(first & second) < 0.5 * len(first)


def test_the_shadow_comes_along_whatever_the_arm() -> None:
    """A shadow watches the champion's parts and the canary's."""
    shadows = {route(assignment(50, "v9"), f"P{i}").shadow for i in range(50)}
    assert shadows == {"v9"}
