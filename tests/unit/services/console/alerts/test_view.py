"""Alerts as their page shows them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.console.pages.alerts import view
from services.console.visitor import Visitor
from services.console.words import Words
from shared.alerts.records import Alert, Group, HeldAlert
from shared.auth import Principal, Role
from shared.settings.plants import PlantsSettings

START = datetime(2026, 11, 24, 8, tzinfo=UTC)


def alert(number: int, **fields: object) -> HeldAlert:
    """An alert that fired `number` minutes after the start."""
    record = {
        "id": str(number),
        "key": f"k|{number}",
        "subscription": "fails",
        "condition": "each_fail",
        "severity": "warning",
        "group": Group(plant="munich"),
        "summary": "a part failed",
        "since": START + timedelta(minutes=number),
        "last": START + timedelta(minutes=number),
        **fields,
    }
    return HeldAlert(revision=1, record=Alert.model_validate(record))


def visitor(*plants: str, role: Role = Role.SUPERVISOR, looks_at: str | None = None) -> Visitor:
    """Somebody with a role at some plants."""
    principal = Principal("key:kim", frozenset({role}), frozenset(plants))
    return Visitor(principal, Words("en", PlantsSettings()), plants=plants, plant=looks_at, signed_in=True)


severities = st.sampled_from(["warning", "error", "critical"])
states = st.sampled_from(["firing", "acknowledged"])


@given(st.lists(st.tuples(severities, states), max_size=8))
def test_what_needs_somebody_most_comes_first(made: list[tuple[str, str]]) -> None:
    """Firing before acknowledged, then the worst, then the latest."""
    held = [alert(number, severity=severity, state=state) for number, (severity, state) in enumerate(made)]
    order = {"critical": 0, "error": 1, "warning": 2}
    keys = [
        (row.alert.state != "firing", order[row.alert.severity], -row.alert.since.timestamp())
        for row in view.rows(held, visitor("munich"))
    ]
    assert len(keys) == len(made)
    assert keys == sorted(keys)


def test_resolved_ones_the_latest_first() -> None:
    """Whatever their severity."""
    over = [
        alert(1, state="resolved", resolved=START + timedelta(hours=3), severity="warning"),
        alert(2, state="resolved", resolved=START + timedelta(hours=2), severity="critical"),
    ]
    assert [row.alert.id for row in view.rows(over, visitor("munich"))] == ["1", "2"]
    assert not view.rows(over, visitor("munich"))[0].manageable


def test_who_sees_and_manages_what() -> None:
    """What is of no single plant is for those who may at every one."""
    held = [alert(1), alert(2, group=Group(plant="austin")), alert(3, group=Group(line="line-1"))]

    def ids(who: Visitor) -> set[str]:
        return {row.alert.id for row in view.rows(held, who)}

    assert ids(visitor("munich")) == {"1"}
    assert ids(visitor("munich", "austin")) == {"1", "2"}
    assert ids(visitor("*")) == {"1", "2", "3"}
    assert ids(visitor("*", looks_at="austin")) == {"2", "3"}
    assert view.rows(held, visitor("munich"))[0].manageable
    assert not view.rows(held, visitor("munich", role=Role.OPERATOR))[0].manageable


def test_a_place_names_what_is_known() -> None:
    """Neither the plant, which stands before it, nor what the camera did not say."""
    group = Group(plant="munich", line="line-1", station="any", camera="mobile", part="p/1")
    assert view.place(group) == ("line-1", "mobile")
