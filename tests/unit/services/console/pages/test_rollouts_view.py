"""What the pages of rollouts show of a state of the registry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.pages.rollouts.outcome import STEPS, outcome
from services.console.pages.rollouts.view import by_plant, changes, choices, entry, moves, shares, version_rows
from shared.crop_recipe import CropRecipe
from shared.registry.errors import TransitionRejected
from shared.registry.guard import Guard
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment
from shared.registry.steps import CanaryStep, PauseStep, PromoteStep, RollbackStep, ShadowStep, Step
from tests.unit.services.console.pages.state import LINE, START, audited, canary, snapshot, version

V1 = Assignment(champion="v1")
TRIAL = Assignment(champion="v1", canary=canary("v2"), shadow="v3", former="v0")


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (V1, [("v1", 100)]),
        (TRIAL, [("v1", 80), ("v2", 20)]),
        (Assignment(champion="v1", canary=canary("v2", paused=True)), [("v1", 100)]),
        (Assignment(champion="v1", canary=canary("v2", 0)), [("v1", 100)]),
        (Assignment(champion="v1", canary=canary("v2", 100)), [("v2", 100)]),
    ],
)
def test_who_judges_which_share(record: Assignment, told: list[tuple[str, float]]) -> None:
    """A paused trial judges nothing."""
    assert list(shares(record)) == told


@given(st.floats(0, 100), st.booleans())
def test_shares_are_all_of_the_parts(percent: float, paused: bool) -> None:
    """Whatever the trial."""
    told = shares(Assignment(champion="v1", canary=canary("v2", percent, paused=paused)))
    assert sum(share for _, share in told) == pytest.approx(100)
    assert all(share >= 0 for _, share in told)


def test_plants_in_order_and_their_general_entries_first() -> None:
    """What holds everywhere comes before all."""
    state = snapshot({"oslo": V1, "munich/line-1/*/us": V1, "munich": V1, "*": V1, "munich/line-1": V1})
    shown = by_plant(state, lambda plant: plant == "oslo")
    assert [plant.plant for plant in shown] == ["*", "munich", "oslo"]
    keys = [str(one.key) for one in shown[1].entries]
    assert keys == ["munich/*/*/*/*", "munich/line-1/*/*/*", "munich/line-1/*/us/*"]
    assert [plant.entries[0].may_change for plant in shown] == [False, False, True]
    assert shown[1].entries[0].exceptions == ("munich/line-1/*/*/*", "munich/line-1/*/us/*")
    assert shown[1].entries[2].exceptions == ()


def test_an_entry_that_holds_elsewhere_is_no_exception() -> None:
    """Only one that wins at some of the places is."""
    state = snapshot({"munich/line-1": V1, "*/line-1/west": V1, "oslo/line-1/west": V1, "munich": V1})
    held = state.assignment(LINE)
    assert held is not None
    # Two named fields each: the plant outweighs the station, so it does not win.
    assert entry(state, LINE, held, may_change=True).exceptions == ()


def test_warnings_are_about_this_entry_alone() -> None:
    """One line for each version that was made for other crops."""
    crops = CropRecipe(policy="full_frame")
    state = snapshot(
        {"munich/line-1": Assignment(champion="v1", shadow="v2"), "munich": Assignment(champion="v2")},
        version("v1"),
        version("v2", crop=crops),
    )
    held = state.assignment(LINE)
    assert held is not None
    (line,) = entry(state, LINE, held, may_change=True).warnings
    assert line.startswith("v2, assigned at munich/line-1/*/*/*")


def test_choices_are_who_is_not_at_work_candidates_first() -> None:
    """Also those that were retired; not those of other places."""
    state = snapshot(
        {"munich/line-1": TRIAL, "oslo": Assignment(champion="far")},
        *(version(name) for name in ("v1", "v2", "v3")),
        version("v0", age_h=9),
        version("fresh", age_h=5),
        version("anywhere", None, age_h=1),
        version("far", "oslo"),
    )
    held = state.assignment(LINE)
    assert held is not None
    assert choices(state, entry(state, LINE, held, may_change=True)) == ["fresh", "anywhere", "v0"]


def test_versions_and_where_they_stand() -> None:
    """The newest first; the trial's share beside the canary."""
    state = snapshot(
        {"munich/line-1": TRIAL},
        version("v1", age_h=2, metrics={"f1": 0.1, "auroc": 0.9}),
        version("v2", age_h=1),
        version("v9"),
    )
    rows = version_rows(state)
    assert [(row.record.version, [one.stage for one in row.standings]) for row in rows] == [
        ("v9", ["candidate"]),
        ("v2", ["canary"]),
        ("v1", ["champion"]),
    ]
    trial = rows[1].standings[0].trial
    assert trial is not None
    assert trial.percent == 20
    assert rows[2].main_metrics == (("auroc", 0.9),)
    assert version_rows(state, PlaceKey("oslo")) == ()


def test_moves_are_what_is_not_as_before() -> None:
    """A share that changes is one as well."""
    told = moves(TRIAL, Assignment(champion="v2", former="v1", shadow="v3"))
    assert [(move.role, move.before, move.after) for move in told] == [
        ("champion", "v1", "v2"),
        ("canary", "v2", None),
        ("former", "v0", "v1"),
    ]
    (share,) = moves(TRIAL, TRIAL.model_copy(update={"canary": canary("v2", 50)}))
    assert share.trial_before is not None
    assert share.trial_after is not None
    assert (share.trial_before.percent, share.trial_after.percent) == (20, 50)
    assert moves(TRIAL, TRIAL) == ()


def test_the_history() -> None:
    """Who, what, why; the judge by itself is said so; what is no assignment is left out."""
    told = changes(
        [
            audited(TRIAL, V1, action="rollback", author="judge", note="psi 0.9"),
            audited(V1, V1.model_copy(update={"guard": Guard(min_parts=99)}), action="guard"),
            audited(None, V1, action=""),
            audited(V1, None, action=""),
            audited(None, None, table="stations"),
        ]
    )
    assert [(one.action, one.automatic, one.guard_changed) for one in told] == [
        ("rollback", True, False),
        ("guard", False, True),
        ("assign", False, False),
        ("unassign", False, False),
    ]
    assert told[0].note == "psi 0.9"
    assert [move.role for move in told[0].moves] == ["canary", "shadow", "former"]


def test_what_a_promotion_brings() -> None:
    """The champion becomes the former one; whatever would be at work with other crops is told before it is."""
    state = snapshot(
        {"munich/line-1": TRIAL, "munich/line-1/*/us": V1}, version("v2", crop=CropRecipe(policy="full_frame"))
    )
    told = outcome(state, LINE, PromoteStep(), at=START)
    assert (told.revision, told.untried, told.exceptions) == (7, False, ("munich/line-1/*/us/*",))
    assert [(move.role, move.after) for move in told.moves] == [("champion", "v2"), ("canary", None), ("former", "v1")]
    assert told.shares_before == (("v1", 80), ("v2", 20))
    assert told.shares_after == (("v2", 100),)
    assert len(told.warnings) == 1


@pytest.mark.parametrize(
    ("held", "step", "untried"),
    [
        (V1, PromoteStep(version="v2", direct=True), True),
        (
            Assignment(champion="v1", canary=canary("v2", paused=True)),
            PromoteStep(version="v2", direct=True),
            True,
        ),
        (TRIAL, PromoteStep(version="v2"), False),
        (TRIAL, RollbackStep(what="champion"), False),
    ],
)
def test_an_untried_version_is_said_to_be_one(held: Assignment, step: Step, untried: bool) -> None:
    """Whoever promotes it shall know."""
    assert outcome(snapshot({"munich/line-1": held}), LINE, step, at=START).untried is untried


def test_the_first_promotion_begins_an_entry() -> None:
    """There is nothing to try a version beside."""
    told = outcome(snapshot({}), LINE, PromoteStep(version="v1"), at=START)
    assert (told.revision, told.before, told.shares_before) == (None, None, ())
    assert told.after.champion == "v1"
    assert not told.untried


@pytest.mark.parametrize("step", [ShadowStep(version="v1"), CanaryStep(version="v1", percent=5), PauseStep()])
def test_a_step_that_does_not_follow_is_refused(step: ShadowStep | CanaryStep | PauseStep) -> None:
    """As the registry would refuse it."""
    with pytest.raises(TransitionRejected):
        outcome(snapshot({"munich/line-1": V1}), LINE, step, at=START)


def test_every_step_of_the_page_has_a_name() -> None:
    """As the audit calls it."""
    assert set(STEPS) == {"shadow", "canary", "promote", "rollback", "pause", "resume"}
