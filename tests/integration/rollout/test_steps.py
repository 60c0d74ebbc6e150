"""`linegate rollout`: the steps from candidate to champion and back, on a real registry, and how they are told."""

from collections.abc import Callable

import pytest

from shared.crop_recipe import CropRecipe
from shared.errors import LinegateError
from shared.events.base import now
from shared.models.card import Calibration, DataSummary, Interval
from shared.registry.client import Registry
from shared.registry.errors import RevisionConflict, TransitionRejected, UnknownVersion
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, VersionRecord

pytestmark = pytest.mark.redis
Rollout = Callable[..., str]
KEY = PlaceKey.parse("munich/line-1")


def held(registry: Registry) -> Assignment:
    """What is in force at the key."""
    entry = registry.assignment(KEY)
    assert entry is not None
    return entry.record


def test_from_candidate_to_champion_and_back(rollout: Rollout, registry: Registry) -> None:
    """Every step, each told with who did it and why."""
    registry.register(VersionRecord(version="v5", digest="5" * 64, kind="patchcore", place=KEY))
    assert "candidates" in rollout("show", "munich/line-1")
    assert "candidate for munich/line-1/*/*/*" in rollout("versions")
    rollout("promote", "munich/line-1", "v1", "--author", "ada")
    assert "shadow v5" in rollout("shadow", "munich/line-1", "v5", "--author", "ada")
    assert "canary v5 20 %" in rollout("canary", "munich/line-1", "v5", "--percent", "20", "--author", "bob")
    begun = held(registry).canary
    assert "canary v5 50 %" in rollout("canary", "munich/line-1", "v5", "--percent", "50")
    assert "v5 50 % (paused)" in rollout("pause", "munich/line-1", "--note", "too many [alarms]")
    assert "canary 50 %, paused, at munich/line-1/*/*/*" in rollout("versions", "v5")
    with pytest.raises(TransitionRejected, match="the trial of v5 is paused"):
        rollout("promote", "munich/line-1")
    assert "v5 50 %" in rollout("resume", "munich/line-1")
    now_under_way = held(registry).canary
    assert begun is not None
    assert now_under_way is not None
    assert now_under_way.since > begun.since
    told = rollout("promote", "munich/line-1", "--note", "as good as v1")
    assert "champion v5, former v1" in told
    listed = rollout("list")
    assert "Former" in listed
    told = rollout("rollback", "munich/line-1", "--author", "eve")
    assert "champion v1" in told
    assert "retired" in told
    assert "retired at munich/line-1/*/*/*" in rollout("versions", "v5")
    told = rollout("history", "munich/line-1")
    for action in ("promote", "shadow", "canary", "pause", "resume", "rollback"):
        assert action in told
    assert "too many [alarms]" in told
    assert "eve" in told
    assert "register" not in told
    assert "register" in rollout("history")


def test_history_of_a_key_is_found_behind_many_other_changes(
    rollout: Rollout, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies under the key and nothing else, however far back; the newest first."""
    rollout("promote", "munich/line-1/s1", "v1", "--note", "the first")
    revision: int | None = None
    for _ in range(30):
        revision = registry.assign(
            PlaceKey.parse("paris"), Assignment(champion="v1"), expected=revision, author="ada", note="noise"
        )
    rollout("promote", "munich/line-1", "v2", "--note", "the second")
    monkeypatch.setattr("shared.registry.client._PAGE", 7)
    told = registry.history(2, PlaceKey.parse("munich"))
    everything = registry.history(1000, PlaceKey.parse("munich"))
    assert [entry.note for entry in told] == ["the second", "the first"]
    assert everything == told
    assert registry.history(10, PlaceKey.parse("munich/line-1/s1")) == told[1:]
    assert "noise" not in rollout("history", "munich", "-n", "1")


def test_a_step_that_does_not_follow_is_refused_and_changes_nothing(rollout: Rollout, registry: Registry) -> None:
    """Each with the reason; so is one based on what is no longer there."""
    with pytest.raises(TransitionRejected, match="no champion judges here"):
        rollout("shadow", "munich/line-1", "v2")
    rollout("promote", "munich/line-1", "v1")
    before = registry.snapshot()
    for arguments, reason in [
        (("promote", "munich/line-1", "v2"), "v2 was no canary here"),
        (("promote", "munich/line-1"), "no canary is on trial here"),
        (("pause", "munich/line-1"), "no canary is on trial here"),
        (("rollback", "munich/line-1"), "no champion before v1"),
        (("rollback", "munich/line-1", "--what", "shadow"), "no shadow looks on"),
        (("canary", "munich/line-1", "v1", "--percent", "5"), "v1 is the champion here"),
    ]:
        with pytest.raises(TransitionRejected, match=reason):
            rollout(*arguments)
    with pytest.raises(UnknownVersion, match="v9"):
        rollout("shadow", "munich/line-1", "v9")
    for expect in ("0", str(before.revision + 1)):
        with pytest.raises(RevisionConflict):
            rollout("shadow", "munich/line-1", "v2", "--expect", expect)
    after = registry.snapshot()
    assert (after.revision, after.assignments) == (before.revision, before.assignments)
    rollout("shadow", "munich/line-1", "v2", "--expect", str(before.revision))
    assert "champion v2" in rollout("promote", "munich/line-1", "v2", "--direct")


def test_assign_keeps_guard_and_former_champion(rollout: Rollout, registry: Registry) -> None:
    """It sets the roles and nothing else; one version has one role."""
    rollout("assign", "munich/line-1", "--champion", "v1")
    rollout("guard", "munich/line-1", "--on-breach", "pause")
    rollout("assign", "munich/line-1", "--champion", "v2", "--shadow", "v4", "--note", "by hand")
    assert (held(registry).former, held(registry).guard.action) == ("v1", "pause")
    assert registry.history(1)[0].note == "by hand"
    with pytest.raises(TransitionRejected, match="two roles"):
        rollout("assign", "munich/line-1", "--champion", "v2", "--shadow", "v2")
    assert "champion v1" in rollout("rollback", "munich/line-1")


def test_a_guard_is_set_field_by_field(rollout: Rollout, registry: Registry) -> None:
    """`none` switches a limit off; without options it is only shown, and nothing is changed."""
    rollout("promote", "munich/line-1", "v1")
    arguments = ("--on-breach", "pause", "--min-parts", "100", "--max-reject-rise", "0.03", "--max-psi", "none")
    assert "not looked at" in rollout("guard", "munich/line-1", *arguments)
    rollout("guard", "munich/line-1", "--window", "600")
    guard = held(registry).guard
    assert (guard.action, guard.min_parts, guard.max_reject_rise, guard.max_psi) == ("pause", 100, 0.03, None)
    assert (guard.window_s, guard.max_ks) == (600, 0.35)
    revision = registry.snapshot().revision
    assert "min_parts" in rollout("guard", "munich/line-1")
    assert registry.snapshot().revision == revision
    assert "guard action pause" in rollout("history", "munich/line-1", "-n", "1")
    with pytest.raises(LinegateError, match="there is no assignment of munich/line-2"):
        rollout("guard", "munich/line-2")


def test_a_version_is_told_with_its_story(rollout: Rollout, registry: Registry) -> None:
    """Backbone, data, threshold and rule, metrics, parent, job; what is not known is empty. Notes are no markup."""
    calibration = Calibration(
        rule="precision",
        threshold=24.25,
        parameter=0.95,
        good_parts=80,
        damaged_parts=21,
        false_alarm_rate=0.0125,
        false_alarm_interval=Interval(low=0.001, high=0.06),
        warnings=("few damaged parts",),
    )
    data = DataSummary(
        name="us-labels",
        digest="d" * 64,
        train_good=300,
        calibration_good=80,
        calibration_damaged=21,
        test_good=90,
        test_damaged=22,
    )
    registry.register(
        VersionRecord(
            version="us-7",
            digest="7" * 64,
            kind="patchcore",
            backbone="tf_efficientnet_lite0",
            place=KEY,
            crop=CropRecipe(policy="full_frame"),
            data=data,
            calibration=calibration,
            metrics={"auroc": 0.976, "recall_at_precision_0.95": 0.9, "f1": 0.8},
            code_version="0.1.0",
            parent="us-6",
            job="job-1",
            created=now(),
            author="ada",
            note="[/red] \x1b[2J",
        )
    )
    told = rollout("versions", "us-7")
    for part in (
        "tf_efficientnet_lite0",
        "us-labels (dddddddddddd): trained on 300 good, calibrated on 80 good and 21 damaged, tested on 90 good and 22",
        "24.25 by precision=0.95",
        "expected false alarms 1.25% (0.10% to 6.00% at 95%)",
        "warning: few damaged parts",
        "auroc 0.976",
        "f1 0.800",
        "us-6",
        "job-1",
        "candidate for munich/line-1/*/*/*",
        "full_frame, at most 256 x 256",
        "[/red]",
    ):
        assert part in told
    assert "\x1b" not in told
    listed = rollout("versions")
    assert "auroc 0.976" in listed
    assert "f1 0.800" not in listed
    rollout("promote", "munich/line-1", "us-7", "--note", "[/red]")
    assert "[/red]" in rollout("history")
    with pytest.raises(UnknownVersion, match="us-9 is not registered"):
        rollout("versions", "us-9")


def test_a_version_for_other_crops_is_warned_of(rollout: Rollout, registry: Registry) -> None:
    """By every step that puts it to work."""
    made = VersionRecord(version="v6", digest="6" * 64, kind="padim", crop=CropRecipe(policy="full_frame"))
    registry.register(made)
    rollout("promote", "munich/line-1", "v1")
    assert "warning: v6, assigned at" in rollout("shadow", "munich/line-1", "v6")
    assert "warning: v6, assigned at" in rollout("canary", "munich/line-1", "v6", "--percent", "1")
    assert "warning: v6, assigned at" in rollout("promote", "munich/line-1")
    assert "warning" not in rollout("rollback", "munich/line-1")
