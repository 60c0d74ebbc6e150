"""The witness of the rollout test sees what is wrong."""

from datetime import timedelta

import pytest

from services.score.route import route
from shared.events import Check, ModelStamp, Timings, Verdict
from shared.registry.records import Assignment, Canary
from tests.e2e.rollout.ledger import Change, summary, swap_ms, wrong
from tests.unit.services.events import CAPTURED

KEY = "munich/line-1/*/*/*"
TRIAL = Assignment(champion="v1", canary=Canary(version="v3", percent=50))
BACK = Assignment(champion="v1", retired=("v3",))
CHANGES = [
    Change(KEY, 1, "promote", "ada", CAPTURED, Assignment(champion="v1")),
    Change(KEY, 4, "canary", "ada", CAPTURED + timedelta(seconds=100), TRIAL),
    Change(KEY, 7, "rollback", "judge", CAPTURED + timedelta(seconds=160), BACK),
]


def verdict(part: str, at: float, *, revision: int, **stamp: object) -> Verdict:
    """A verdict `at` seconds, by the version that was due unless told otherwise."""
    held = next(change.record for change in CHANGES if change.revision == revision)
    assert held is not None
    due = route(held, part)
    fields = {"version": due.version, "arm": due.arm, "digest": "a" * 64, "kind": "padim", "assignment": KEY}
    return Verdict(
        part=part,
        plant="munich",
        line="line-1",
        captured=CAPTURED,
        time=CAPTURED + timedelta(seconds=at),
        image=f"photo-{part}",
        decision="pass",
        checks=(Check(name="damage", result="pass", score=0.1, threshold=1.0),),
        model=ModelStamp.model_validate({**fields, "revision": revision, **stamp}),
        timings=Timings(),
    )


RUN = [
    verdict("a", 1, revision=1),
    verdict("b", 101.5, revision=1),
    *[verdict(f"c{i}", 110 + i, revision=4) for i in range(20)],
    verdict("d", 160.8, revision=4),
    verdict("e", 161, revision=7),
]
SENT = [v.image for v in RUN]


def test_a_run_without_fault() -> None:
    """All figures."""
    assert {v.model.arm for v in RUN if v.model} == {"champion", "canary"}
    assert summary(SENT, RUN, CHANGES, bad="v3") == {
        "photos": 24,
        "verdicts": 24,
        "missing": 0,
        "duplicates": 0,
        "wrong_version": 0,
        "swap_ms": {"p50": 5500.0, "max": 10000.0, "changes": 2},
        "rollback_s": 1.0,
        "detected_s": 60.0,
        "auto_rollback": True,
    }


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": "v2"}, "had to"),
        ({"arm": "shadow"}, "had to"),
        ({"revision": 5}, "is no assignment of"),
        ({"assignment": "munich/*/*/*/*"}, "is no assignment of"),
        ({"fallback": {"assigned": "v2", "arm": "champion", "reason": "gone"}}, "stood in"),
    ],
)
def test_what_is_wrong_is_seen(change: dict[str, object], why: str) -> None:
    """Each way of naming the wrong version."""
    right = verdict("c1", 120, revision=4)
    assert wrong(right, CHANGES) is None
    assert right.model is not None
    false = right.model_copy(update={"model": ModelStamp.model_validate({**right.model.model_dump(), **change})})
    assert why in (wrong(false, CHANGES) or "")


def test_an_entry_that_goes_on_judging_is_wrong() -> None:
    """A worker that never heard of the change."""
    late = verdict("f", 195, revision=4)
    assert "after its end" in (wrong(late, CHANGES) or "")
    assert swap_ms(CHANGES[2], [*RUN, late]) == 35_000
    assert swap_ms(CHANGES[0], RUN) is None, "nothing was judged before"


def test_missing_and_doubled_are_counted() -> None:
    """By photo."""
    told = summary([*SENT, "photo-lost"], [*RUN, RUN[0]], CHANGES, bad="v3")
    assert (told["missing"], told["duplicates"]) == (1, 1)


def test_a_rollback_by_hand_is_not_automatic() -> None:
    """The judge has its own name."""
    by_hand = [*CHANGES[:2], Change(KEY, 7, "rollback", "ada", CHANGES[2].time, BACK)]
    assert summary(SENT, RUN, by_hand, bad="v3")["auto_rollback"] is False
