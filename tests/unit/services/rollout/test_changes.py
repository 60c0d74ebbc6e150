"""The registry's audit as events."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rollout.changes import change_id, changed, just_before, moment_of
from shared.registry.records import Assignment, AuditEntry, Canary

V2 = Assignment(champion="v2", former="v1")
V3 = Assignment(champion="v3", former="v2", shadow="v4", canary=Canary(version="v5", percent=20, paused=True))


def entry(before: Assignment | None, after: Assignment | None, **more: object) -> AuditEntry:
    """An entry of the audit."""
    fields = {
        "stream_id": "1790000000123-4", "table": "assignments", "key": "munich/*/*/*/*", "revision": 9,
        "action": "promote", "author": "ada", "note": "good", "time": datetime(2026, 11, 24, tzinfo=UTC),
        "before": None if before is None else before.model_dump_json(),
        "after": None if after is None else after.model_dump_json(),
    }  # fmt: skip
    return AuditEntry.model_validate(fields | more)


def test_a_change_says_what_is_in_force_from_now_on() -> None:
    """And what it replaced, by whom, and why."""
    event = changed(entry(V2, V3))
    assert event is not None
    assert (event.champion, event.replaced, event.former, event.shadow) == ("v3", "v2", "v2", "v4")
    assert (event.canary, event.percent, event.paused) == ("v5", 20, True)
    assert (event.action, event.by, event.note, event.revision) == ("promote", "ada", "good", 9)
    assert not event.automatic
    assert event.time == datetime.fromtimestamp(1790000000.123, UTC)
    assert event.id == change_id("1790000000123-4")
    assert event.id != change_id("1790000000123-5")


def test_the_judge_is_told_apart_from_people() -> None:
    """By its name in the audit."""
    event = changed(entry(V3, V2, author="judge", action="rollback"))
    assert event is not None
    assert event.automatic


def test_the_first_the_same_and_the_removed() -> None:
    """Only a champion that gave way was replaced. Entries of older writers name no action."""
    first, same, removed = (changed(entry(*pair, action="")) for pair in ((None, V2), (V2, V2), (V2, None)))
    assert first is not None
    assert same is not None
    assert removed is not None
    assert (first.replaced, same.replaced, removed.replaced) == (None, None, "v2")
    assert (first.action, removed.action, removed.champion) == ("assign", "unassign", None)


@pytest.mark.parametrize("table", ["versions", "stations"])
def test_other_tables_are_no_rollouts(table: str) -> None:
    """They are passed over."""
    assert changed(entry(None, None, table=table)) is None


def test_long_words_are_cut() -> None:
    """The audit takes any length; the event does not."""
    event = changed(entry(None, V2, note="n" * 5000, author="a" * 500, action="x" * 50))
    assert event is not None
    assert (len(event.note), len(event.by), len(event.action)) == (1024, 128, 32)


@given(st.integers(1, 4_000_000_000_000), st.integers(0, 2**64 - 1))
def test_an_events_time_leads_back_to_its_entry(milliseconds: int, sequence: int) -> None:
    """To the millisecond: entries of it come again, none before it does."""
    position = just_before(moment_of(f"{milliseconds}-{sequence}"))
    assert position == f"{milliseconds - 1}-{2**64 - 1}"
