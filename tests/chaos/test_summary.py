"""A run is called good only when it is, and a control only when it shows what it has to show."""

from dataclasses import replace

import pytest

from tests.chaos.history import Findings
from tests.chaos.marks import MarkKind, Marks
from tests.chaos.plan import Point, Size, make_plan
from tests.chaos.run import Outcome
from tests.chaos.summary import blindness, complaints, summarise
from tests.chaos.supervisor import Exits
from tests.chaos.without_transactions import Delivery

SIZE = Size(events=1, seconds=10.0, sigkills=2, sigstops=1, broker_restarts=1, redis_restarts=1, network_faults=1,
            visits=0, swaps=0)  # fmt: skip


def _marks(*left_out: MarkKind) -> Marks:
    marks = Marks()
    struck: list[tuple[MarkKind, str]] = [
        ("sigkill", Point.DURING_COMMIT),
        ("sigkill", Point.ANYWHERE),
        ("sigstop", "past the session"),
        ("broker_restart", "kill -9"),
        ("redis_restart", "in order"),
        ("network_fault", "kafka mute"),
    ]
    for kind, detail in struck:
        if kind not in left_out:
            marks.add(kind, detail, "crop-0")
    return marks


@pytest.fixture
def outcome() -> Outcome:
    """A run in which all went as planned, and nothing went wrong."""
    return Outcome(
        plan=make_plan(1, SIZE), delivery=Delivery.TRANSACTIONS, sent={}, committed=[], uncommitted=[],
        findings=Findings(), marks=_marks(), exits=Exits(), left_behind=0, open_transactions=[], started=0.0,
        drained_s=1.0, seconds=20.0,
    )  # fmt: skip


def test_a_good_run_is_good(outcome: Outcome) -> None:
    """And its summary has the fields that were promised."""
    assert complaints(outcome) == []
    summary = summarise(outcome)
    promised = {
        "events", "verdicts", "dead_letters", "lost", "duplicates", "sigkills", "sigstops", "broker_restarts",
        "redis_restarts", "network_faults", "longest_stall_s", "seed",
    }  # fmt: skip
    assert promised <= summary.keys()
    assert summary["sigkills"] == 2
    assert summary["sigkills_by_point"]["during_commit"] == 1


@pytest.mark.parametrize("kind", list(Findings.__dataclass_fields__))
def test_every_kind_of_finding_is_told(outcome: Outcome, kind: str) -> None:
    """By its name, with an example."""
    told = complaints(replace(outcome, findings=Findings(**{kind: ["photo-7"]})))
    assert len(told) == 1
    assert kind in told[0]
    assert "photo-7" in told[0]


def test_what_is_left_at_the_end_is_told(outcome: Outcome) -> None:
    """Records without a commit, open transactions, workers that broke, faults that could not be carried out."""
    assert "stuck" in complaints(replace(outcome, left_behind=3))[0]
    assert "crops[1]" in complaints(replace(outcome, open_transactions=["crops[1]"]))[0]
    assert "crop-0.3" in complaints(replace(outcome, exits=Exits(broken=["crop-0.3: exit status -11"])))[0]
    outcome.marks.trouble.append("the broker did not come back")
    assert "come back" in complaints(outcome)[0]


def test_too_few_faults_are_no_chaos(outcome: Outcome) -> None:
    """A run that struck less than planned proves less than it says."""
    told = complaints(replace(outcome, marks=_marks("sigstop", "sigkill")))
    assert told == ["0 of 2 sigkills struck", "0 of 1 sigstops struck"]


def test_a_control_must_show_its_own_fault(outcome: Outcome) -> None:
    """Duplicates with the output first, losses with the offsets first."""
    duplicates, losses = Findings(duplicates=["photo-7"]), Findings(lost=["photo-7"])
    first = replace(outcome, delivery=Delivery.OUTPUT_FIRST)
    assert blindness(first) is not None
    assert blindness(replace(first, findings=losses)) is not None
    assert blindness(replace(first, findings=duplicates)) is None
    second = replace(outcome, delivery=Delivery.OFFSETS_FIRST)
    assert blindness(second) is not None
    assert blindness(replace(second, findings=duplicates)) is not None
    assert blindness(replace(second, findings=losses)) is None
