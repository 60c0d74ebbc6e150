"""Two operators on one rollout, on a real Redis, in every order; also with the one's step in the middle of the other's.

`Registry.advance` reads, thinks and writes. What must never happen is a step that was thought out for one state and
written over another.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.registry import lifecycle
from shared.registry.client import Registry
from shared.registry.errors import RevisionConflict, TransitionRejected, UnknownVersion
from shared.registry.lifecycle import Transition
from shared.registry.place_key import PlaceKey
from shared.registry.records import Advanced, Assignment, VersionRecord
from shared.registry.snapshot import HeldAssignment
from shared.settings import RedisSettings

pytestmark = pytest.mark.redis
KEY = PlaceKey.parse("munich/line-1")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
STEPS: dict[str, Callable[[str], Transition]] = {
    "shadow": lambda version: lambda held: lifecycle.shadow(held, version),
    "canary": lambda version: lambda held: lifecycle.canary(held, version, 20, at=NOON),
    "promote": lambda _: lifecycle.promote,
    "promote directly": lambda version: lambda held: lifecycle.promote(held, version, direct=True),
    "rollback": lambda _: lifecycle.rollback,
    "pause": lambda _: lifecycle.pause,
    "resume": lambda _: lambda held: lifecycle.resume(held, at=NOON),
}
Step = tuple[str, str]
"""What, and with which version where one is needed."""


class Interrupted(Registry):
    """Somebody whom another one outruns between reading and writing."""

    between: Callable[[], None] | None = None

    def assignment(self, key: PlaceKey) -> HeldAssignment | None:
        """As the registry; then the other one's turn, once."""
        held = super().assignment(key)
        if (turn := self.between) is not None:
            self.between = None
            turn()
        return held


@pytest.fixture
def slow(registry_settings: RedisSettings) -> Iterator[Interrupted]:
    """A second operator."""
    with Interrupted(registry_settings) as client:
        yield client


def take(registry: Registry, step: Step, author: str, expected: int | Literal["any"] | None = "any") -> Advanced:
    """Take a step."""
    name, version = step
    return registry.advance(KEY, STEPS[name](version), action=f"{name} {version}", author=author, expected=expected)


steps = st.tuples(st.sampled_from(list(STEPS)), st.sampled_from(["v1", "v2", "v3"]))
schedules = st.lists(st.tuples(st.booleans(), steps, st.none() | steps, st.booleans()), max_size=15)


@given(schedule=schedules)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_step_was_thought_out_for_what_it_replaced(
    *,
    registry: Registry,
    slow: Interrupted,
    registry_settings: RedisSettings,
    schedule: list[tuple[bool, Step, Step | None, bool]],
) -> None:
    """In whatever order: the audit is a chain of lifecycle steps, each from the very state before it, none lost."""
    with redis.Redis.from_url(registry_settings.url.get_secret_value()) as client:
        client.flushdb()
    for version in ("v1", "v2", "v3"):
        registry.register(VersionRecord(version=version, digest="a" * 64, kind="padim"))
    seen: int | None = None
    for ada_acts, step, other, by_sight in schedule:
        held = registry.assignment(KEY)
        if ada_acts:
            seen = None if held is None else held.revision
            attempt(registry, step, "ada")
            continue
        outrun = 0

        def between(other: Step | None = other) -> None:
            nonlocal outrun
            outrun = other is not None and attempt(registry, other, "ada")

        slow.between = between
        before = registry.snapshot().revision
        stale = by_sight and seen != (None if held is None else held.revision)
        try:
            done = take(slow, step, "bob", seen if by_sight else "any")
        except RevisionConflict:
            assert outrun or stale
            assert registry.snapshot().revision == before + outrun
        except TransitionRejected:
            assert registry.snapshot().revision == before + outrun
        else:
            assert not outrun
            assert not stale
            assert registry.snapshot().revision == done.revision == before + 1
    check_chain(registry)


def attempt(registry: Registry, step: Step, author: str) -> bool:
    """Take a step that may not follow; answers whether it was taken."""
    try:
        take(registry, step, author)
    except TransitionRejected:
        return False
    return True


def check_chain(registry: Registry) -> None:
    """Each entry of the audit is what its step makes of the entry before."""
    state: Assignment | None = None
    for entry in registry.audit(count=1000):
        if entry.table != "assignments":
            continue
        before = None if entry.before is None else Assignment.model_validate_json(entry.before)
        assert before == state
        assert entry.after is not None
        state = Assignment.model_validate_json(entry.after)
        name, _, version = entry.action.rpartition(" ")
        made = STEPS[name](version)(before)
        assert state == made.model_copy(update={"author": entry.author})
    held = registry.assignment(KEY)
    assert (None if held is None else held.record) == state


@pytest.mark.parametrize("mine", ["promote", "pause", "rollback"])
@pytest.mark.parametrize("theirs", ["promote", "pause", "rollback"])
def test_outrun_in_the_middle_of_a_step(registry: Registry, slow: Interrupted, mine: str, theirs: str) -> None:
    """One is taken, the other told; nothing is tried again by itself, though it might still follow."""
    for version in ("v1", "v2"):
        registry.register(VersionRecord(version=version, digest="a" * 64, kind="padim"))
    take(registry, ("promote directly", "v1"), "ada")
    take(registry, ("canary", "v2"), "ada")
    slow.between = lambda: take(registry, (theirs, ""), "ada") and None
    with pytest.raises(RevisionConflict):
        take(slow, (mine, ""), "bob")
    latest = registry.history(1)[0]
    assert (latest.author, latest.action) == ("ada", f"{theirs} ")
    check_chain(registry)


def test_a_percentage_that_no_worker_could_read_is_not_written(registry: Registry) -> None:
    """Whatever a step makes is checked before it is in force anywhere: an unreadable entry would blind every worker."""
    for version in ("v1", "v2"):
        registry.register(VersionRecord(version=version, digest="a" * 64, kind="padim"))
    take(registry, ("promote directly", "v1"), "ada")
    take(registry, ("canary", "v2"), "ada")
    before = registry.snapshot().revision
    with pytest.raises(ValueError, match="percent"):
        registry.advance(KEY, lambda held: lifecycle.canary(held, "v2", 200, at=NOON), action="canary", author="ada")
    with pytest.raises(UnknownVersion):
        take(registry, ("shadow", "v9"), "ada")
    assert registry.snapshot().revision == before
