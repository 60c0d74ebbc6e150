"""Whose opinion counts for whom, for how long, and how many are kept."""

from datetime import timedelta

import numpy as np
import pytest

from services.rollout.watch import longest_window_s
from shared.events import Check
from shared.registry.guard import Guard
from shared.registry.records import Assignment, Canary
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.trials.trial import Trial, trials
from shared.trials.window import Window
from shared.trials.windows import Windows
from tests.unit.shared.trials.opinions import NOW, opinion

KEY = "munich/*/*/*/*"
SINCE = NOW - timedelta(minutes=10)
CANARY = Trial(KEY, "canary", "v3", "v2", SINCE)
SHADOW = Trial(KEY, "shadow", "v4", "v2", None)


def window(trial: Trial = CANARY, max_parts: int = 100) -> Window:
    """An empty one."""
    return Window(trial, max_parts)


def test_a_pair_is_what_both_thought_of_one_photo() -> None:
    """The canary gated it and the champion looked on, or the other way round; what one alone saw is no pair."""
    held = window()
    for verdict in (
        opinion("1", "v3", "canary", fails=True), opinion("1", "v2", "shadow"),
        opinion("2", "v2", "champion", fails=True), opinion("2", "v3", "shadow"),
        opinion("3", "v3", "canary"), opinion("4", "v2", "champion", score=None, model_ms=None),
    ):  # fmt: skip
        assert held.saw(verdict)
    seen = held.evidence()
    assert seen.pairs == 2
    assert sorted(zip(seen.paired_trial, seen.paired_champion, strict=True)) == [(False, True), (True, False)]
    assert (seen.trial.parts, seen.champion.parts) == (3, 3)
    assert (len(seen.champion.scores), len(seen.champion.model_ms)) == (2, 2)


@pytest.mark.parametrize(
    "foreign",
    [
        opinion("1", "v1", "champion"),
        opinion("1", "v3", "canary", key="munich/line-1/*/*/*"),
        opinion("1", "v3", "canary", at=SINCE - timedelta(seconds=1)),
        opinion("1", "v2", "champion", at=SINCE - timedelta(seconds=1)),
        opinion("1", "v2", "champion", stands_in_for="v3"),
        opinion("1", "v1", "champion", stands_in_for="v2"),
        opinion("1", "v3", "canary", model=None),
    ],
    ids=["other version", "other key", "earlier trial", "before it", "for the canary", "for the champion", "no model"],
)
def test_what_is_not_of_this_trial_counts_for_nobody(foreign: object) -> None:
    """Above all a version that stands in for another: its opinion is its own, the part is not."""
    held = window()
    assert not held.saw(foreign)  # type: ignore[arg-type]  # a verdict, from the list above
    assert held.evidence().trial.parts == held.evidence().champion.parts == 0


def test_who_stood_in_is_counted() -> None:
    """So that a trial that never gets its parts can be explained."""
    held = window()
    held.saw(opinion("1", "v2", "champion", stands_in_for="v3"))
    held.saw(opinion("2", "v9", "champion", stands_in_for="v9"))
    assert held.stood_in == 1


def test_a_shadow_has_no_beginning() -> None:
    """The same version on the same parts, whenever it was."""
    held = window(SHADOW)
    assert held.saw(opinion("1", "v4", "shadow", at=SINCE - timedelta(days=1)))
    assert held.saw(opinion("1", "v2", "shadow"))
    assert held.saw(opinion("2", "v2", "champion"))
    assert held.evidence().pairs == 1


def test_a_photo_counts_once() -> None:
    """A verdict that comes again takes the place of the first."""
    held = window()
    held.saw(opinion("1", "v3", "canary", fails=True))
    held.saw(opinion("1", "v3", "canary"))
    assert held.evidence().trial.fails.tolist() == [False]


def test_what_is_older_than_the_window_is_forgotten_in_whatever_order_it_came() -> None:
    """At the start one partition is read after the other."""
    held = window()
    for number, seconds in enumerate([10, 500, 20, 400, 30]):
        held.saw(opinion(str(number), "v3", "canary", at=NOW - timedelta(seconds=seconds), score=seconds))
    held.forget(NOW - timedelta(seconds=100))
    assert sorted(held.evidence().trial.scores) == [10, 20, 30]


def test_memory_is_bounded_and_the_latest_stay() -> None:
    """By their time, not by when they came."""
    held = window(max_parts=100)
    order = np.random.default_rng(0).permutation(500)
    for number in order:
        held.saw(opinion(str(number), "v3", "canary", at=SINCE + timedelta(seconds=int(number)), score=float(number)))
        assert held.evidence().trial.parts <= 126
    assert held.full
    held.forget(SINCE)
    assert sorted(held.evidence().trial.scores) == list(range(400, 500))


def test_another_check_that_fails_is_a_reject() -> None:
    """The decision counts, of whatever check; the score is that of damage."""
    checks = (Check(name="damage", result="pass", score=1.5), Check(name="content", result="fail", score=9.0))
    held = window()
    held.saw(opinion("1", "v3", "canary", checks=checks, decision="fail"))
    seen = held.evidence().trial
    assert seen.fails.tolist() == [True]
    assert seen.scores.tolist() == [1.5]


def snapshot(**assignments: Assignment) -> Snapshot:
    """A registry with these entries; `_` stands for `/*/*/*/*`."""
    held = {f"{name}/*/*/*/*": HeldAssignment(revision=7, record=record) for name, record in assignments.items()}
    return Snapshot(revision=7, assignments=held)


def test_trials_are_found_with_their_guards() -> None:
    """Canary and shadow at once; none without either; another `since` is another trial."""
    guard = Guard(window_s=100)
    begun = Canary(version="v3", percent=20, since=SINCE, paused=True)
    both = Assignment(champion="v2", canary=begun, shadow="v4", guard=guard)
    found = trials(snapshot(munich=both, rome=Assignment(champion="v1")))
    assert found.keys() == {KEY}
    canary, shadow = found[KEY]
    assert (canary.trial, canary.paused, canary.revision, canary.guard) == (CANARY, True, 7, guard)
    assert (shadow.trial, shadow.paused) == (SHADOW, False)
    again = Trial(KEY, "canary", "v3", "v2", NOW)
    assert len({canary.trial.identity, shadow.trial.identity, again.identity}) == 3


def test_the_longest_window_is_that_of_a_trial() -> None:
    """Not of an assignment without one; others may want more."""
    begun = Canary(version="v3", percent=20)
    held = snapshot(
        munich=Assignment(champion="v2", canary=begun, guard=Guard(window_s=100)),
        rome=Assignment(champion="v2", shadow="v3", guard=Guard(window_s=200)),
        bern=Assignment(champion="v2", guard=Guard(window_s=9000)),
    )
    assert longest_window_s(held) == 200
    assert longest_window_s(held, 50, 400) == 400
    assert longest_window_s(Snapshot()) == 0


def test_windows_follow_the_registry() -> None:
    """A trial that is over is forgotten; nothing is kept of places without one."""
    windows = Windows(100)
    begun = Canary(version="v3", percent=20, since=SINCE)
    held = snapshot(munich=Assignment(champion="v2", canary=begun))
    windows.saw(opinion("1", "v3", "canary"), held)
    windows.saw(opinion("1", "v3", "canary", key="rome/*/*/*/*"), held)
    windows.saw(opinion("2", "v3", "canary"), None)
    (standing,) = windows.standing(held)
    evidence, measures = windows.measured(standing, NOW, held)
    assert evidence.trial.parts == 1
    assert len(measures) == 5
    windows.keep_only(())
    assert windows.measured(standing, NOW, held)[0].trial.parts == 0
