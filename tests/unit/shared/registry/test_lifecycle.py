"""The lifecycle of an assignment under any order of steps: what is refused, and what holds whatever was done."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ValidationError

from services.score.route import route
from shared.registry import lifecycle
from shared.registry.errors import TransitionRejected
from shared.registry.guard import Guard
from shared.registry.lifecycle import Trial, stage_of
from shared.registry.place_key import PlaceKey
from shared.registry.records import RETIRED_KEPT, Assignment, Canary, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.registry.stages import candidates, stages

KEY = PlaceKey.parse("munich/line-1")
START = datetime(2026, 11, 24, tzinfo=UTC)
PARTS = [f"part-{number}" for number in range(200)]
names = st.sampled_from([f"v{number}" for number in range(4)])
percents = st.floats(0, 100)


def record(version: str, place: PlaceKey | None = KEY) -> VersionRecord:
    """A registered version."""
    return VersionRecord(version=version, digest="a" * 64, kind="padim", place=place)


def at_work(held: Assignment) -> list[str]:
    """Who has a role, each as often as it has one."""
    return list(held.versions())


class Rollout(RuleBasedStateMachine):
    """One key of the registry and whoever changes it; what must be refused is written down a second time here."""

    def __init__(self) -> None:
        super().__init__()
        self.held: Assignment | None = None
        self.ever: set[str] = set()
        self.clock = START

    def step(self, transition: Callable[[Assignment | None], Assignment], *, allowed: bool) -> bool:
        """Take a step, or see it refused; answers whether it was taken."""
        self.clock += timedelta(seconds=1)
        if not allowed:
            with pytest.raises(TransitionRejected) as refused:
                transition(self.held)
            assert str(refused.value)
            return False
        self.held = transition(self.held)
        self.ever |= set(at_work(self.held))
        return True

    @property
    def trial(self) -> Canary | None:
        """The trial under way."""
        return None if self.held is None else self.held.canary

    @rule(version=names)
    def shadow(self, version: str) -> None:
        """Allowed for whoever is not at work."""
        before = self.held
        allowed = before is not None and version not in at_work(before)
        if self.step(lambda held: lifecycle.shadow(held, version), allowed=allowed):
            assert before is not None
            assert self.held is not None
            assert (self.held.shadow, self.held.champion) == (version, before.champion)
            assert (self.held.canary, self.held.former) == (before.canary, before.former)

    @rule(version=names, percent=percents)
    def canary(self, version: str, percent: float) -> None:
        """Allowed for anybody but the champion while nobody else is on trial; its share may change at any time."""
        trial = self.trial
        allowed = self.held is not None and (
            version == trial.version if trial is not None else version != self.held.champion
        )
        at = self.clock
        if self.step(lambda held: lifecycle.canary(held, version, percent, at=at), allowed=allowed):
            begun = at if trial is None else trial.since
            paused = trial is not None and trial.paused
            assert self.trial == Canary(version=version, percent=percent, since=begun, paused=paused)

    @rule(version=st.none() | names, direct=st.booleans())
    def promote(self, version: str | None, direct: bool) -> None:
        """The trial that runs, or with `direct` anybody where there is none; and back again gives who was there."""
        before, trial = self.held, self.trial
        chosen = version or (trial.version if trial else None)
        allowed = chosen is not None and (
            before is None
            or (
                chosen != before.champion
                and (direct if trial is None else chosen == trial.version and (direct or not trial.paused))
            )
        )
        if self.step(lambda held: lifecycle.promote(held, version, direct=direct), allowed=allowed):
            assert self.held is not None
            assert self.held.champion == chosen
            assert self.held.canary is None
            assert self.held.former == (before.champion if before else None)
            if before is not None:
                assert chosen is not None
                back = lifecycle.rollback(self.held)
                assert back.champion == before.champion
                assert chosen in back.retired

    @rule(what=st.sampled_from([None, "canary", "champion", "shadow"]))
    def rollback(self, what: Trial | None) -> None:
        """Takes away what there is; without a word the trial, else the promotion."""
        before = self.held
        chosen = what or ("canary" if self.trial else "champion")
        there = before is not None and {
            "canary": before.canary is not None,
            "shadow": before.shadow is not None,
            "champion": before.former is not None,
        }
        if self.step(lambda held: lifecycle.rollback(held, what), allowed=there and there[chosen]):
            assert before is not None
            assert self.held is not None
            assert self.held.champion == (before.former if chosen == "champion" else before.champion)
            assert self.held.canary == (before.canary if chosen == "shadow" else None)
            if chosen != "champion":
                assert self.held.former == before.former

    @rule()
    def pause(self) -> None:
        """Allowed while a trial runs."""
        self.step(lifecycle.pause, allowed=self.trial is not None and not self.trial.paused)

    @rule()
    def resume(self) -> None:
        """Allowed while a trial is paused; it begins anew."""
        at = self.clock
        if self.step(lambda held: lifecycle.resume(held, at=at), allowed=self.trial is not None and self.trial.paused):
            assert self.trial is not None
            assert (self.trial.since, self.trial.paused) == (at, False)

    @rule(champion=names, trial=st.none() | names, shadow=st.none() | names, percent=percents)
    def assign(self, champion: str, trial: str | None, shadow: str | None, percent: float) -> None:
        """Any roles at once, but nobody in two."""
        before = self.held
        wanted = None if trial is None else Canary(version=trial, percent=percent, since=self.clock)
        named = [version for version in (champion, trial, shadow) if version is not None]
        if self.step(
            lambda held: lifecycle.assigned(held, champion, canary=wanted, shadow=shadow),
            allowed=len(named) == len(set(named)),
        ):
            assert self.held is not None
            assert at_work(self.held) == named
            if before is not None:
                assert self.held.guard == before.guard
                assert self.held.former == (before.former if before.champion == champion else before.champion)

    @rule(parts=st.integers(10, 1000))
    def guard(self, parts: int) -> None:
        """One field changes, the others stay, and no role does."""
        before = self.held
        if self.step(lambda held: lifecycle.guarded(held, {"min_parts": parts}), allowed=before is not None):
            assert before is not None
            assert self.held == before.model_copy(
                update={"guard": before.guard.model_copy(update={"min_parts": parts})}
            )

    @invariant()
    @precondition(lambda self: self.held is not None)
    def nobody_has_two_roles(self) -> None:
        """One champion; champion, canary and shadow are different; a rollback leads somewhere else."""
        assert self.held is not None
        roles = at_work(self.held)
        assert len(roles) == len(set(roles))
        assert self.held.former != self.held.champion

    @invariant()
    @precondition(lambda self: self.held is not None)
    def retired_is_who_was_at_work_and_is_needed_no_more(self) -> None:
        """Each once, none of those that a worker keeps warm; and nobody who ever had a role is forgotten."""
        assert self.held is not None
        retired, warm = set(self.held.retired), set(self.held.warm())
        assert len(retired) == len(self.held.retired)
        assert not retired & warm
        assert retired | warm == self.ever
        told = {version: stage_of(KEY, self.held, record(version)) for version in self.ever}
        assert list(told.values()).count("champion") == 1
        assert all(stage not in {None, "candidate"} for stage in told.values())

    @invariant()
    @precondition(lambda self: self.held is not None)
    def parts_go_to_the_champion_or_to_a_trial_that_runs(self) -> None:
        """A paused trial judges no part; one that runs keeps its parts when its share grows."""
        assert self.held is not None
        judged = {part: route(self.held, part).version for part in PARTS}
        trial = self.held.canary
        if trial is None or trial.paused:
            assert set(judged.values()) == {self.held.champion}
            return
        assert set(judged.values()) <= {self.held.champion, trial.version}
        more = self.held.model_copy(update={"canary": trial.model_copy(update={"percent": (trial.percent + 100) / 2})})
        assert all(route(more, part).version == trial.version for part in PARTS if judged[part] == trial.version)

    @invariant()
    @precondition(lambda self: self.held is not None)
    def every_worker_can_read_it(self) -> None:
        """What a step makes is what the record's own rules allow."""
        assert self.held is not None
        assert Assignment.model_validate_json(self.held.model_dump_json()) == self.held


TestRollout = Rollout.TestCase


def test_a_trial_that_was_stopped_is_not_promoted_by_mistake() -> None:
    """Whoever saw it running may not know."""
    paused = lifecycle.pause(lifecycle.canary(lifecycle.promote(None, "v1"), "v2", 5, at=START))
    for version in (None, "v2"):
        with pytest.raises(TransitionRejected, match="the trial of v2 is paused"):
            lifecycle.promote(paused, version)
        assert lifecycle.promote(paused, version, direct=True).champion == "v2"
        assert lifecycle.promote(lifecycle.resume(paused, at=START), version).champion == "v2"


def test_the_retired_are_bounded_the_latest_first() -> None:
    """The audit stream has them all."""
    held = lifecycle.promote(None, "v0")
    for number in range(1, RETIRED_KEPT + 10):
        held = lifecycle.promote(held, f"v{number}", direct=True)
    last = RETIRED_KEPT + 9
    assert held.retired == tuple(f"v{number}" for number in range(last - 2, last - 2 - RETIRED_KEPT, -1))


def test_a_former_champion_on_trial_stays_the_one_to_go_back_to() -> None:
    """It may be tried again, and its trial may end, without losing the way back."""
    held = lifecycle.promote(lifecycle.promote(None, "v1"), "v2", direct=True)
    tried = lifecycle.canary(held, "v1", 5, at=START)
    ended = lifecycle.rollback(tried)
    assert (ended.former, ended.retired) == ("v1", ())
    assert lifecycle.rollback(ended).champion == "v1"
    back = lifecycle.rollback(tried, "champion")
    assert (back.champion, back.canary, back.retired) == ("v1", None, ("v2",))


def test_a_guard_takes_no_unknown_field_and_no_wrong_value() -> None:
    """Nor a whole guard for a key without an entry."""
    held = lifecycle.promote(None, "v1")
    for changes in ({"max_psy": 1}, {"max_psi": -1}, {"action": "shrug"}):
        with pytest.raises(ValidationError):
            lifecycle.guarded(held, changes)
    assert lifecycle.guarded(held, Guard(min_parts=77)).guard.min_parts == 77
    with pytest.raises(TransitionRejected, match="there is no assignment"):
        lifecycle.guarded(None, Guard())


def test_stages_at_every_key() -> None:
    """Where it was put, else where it was made for; nothing for one that was made for nowhere."""
    narrow = PlaceKey.parse("munich/line-1/s1")
    held = lifecycle.canary(lifecycle.promote(None, "v1"), "v2", 5, at=START)
    versions = {name: record(name) for name in ("v1", "v2", "v3")}
    versions["v4"] = record("v4", PlaceKey.parse("munich/line-2"))
    versions["v5"] = record("v5", None)
    snapshot = Snapshot(
        versions=versions,
        assignments={
            str(KEY): HeldAssignment(revision=1, record=held),
            str(narrow): HeldAssignment(revision=2, record=lifecycle.promote(None, "v2")),
        },
    )
    assert stages(snapshot, versions["v1"]) == {KEY: "champion"}
    assert list(stages(snapshot, versions["v2"]).items()) == [(KEY, "canary"), (narrow, "champion")]
    assert stages(snapshot, versions["v3"]) == {KEY: "candidate"}
    assert stages(snapshot, versions["v5"]) == {}
    assert [made.version for made in candidates(snapshot, KEY)] == ["v3"]
    assert [made.version for made in candidates(snapshot, narrow)] == ["v3"]
    assert {made.version for made in candidates(snapshot, PlaceKey.parse("munich"))} == {"v3", "v4"}
