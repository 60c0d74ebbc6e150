"""Subscriptions in words, their names, and who sees them."""

from datetime import UTC, datetime, time
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from services.console.pages.subscriptions import view
from services.console.pages.subscriptions.names import free_name
from services.console.pages.subscriptions.scope_form import read_scope, scope_values, suggestions
from services.console.visitor import Visitor
from services.console.words import Words
from shared.alerts.channels import Webhook
from shared.alerts.conditions import (
    Condition,
    DeadLetters,
    EachFail,
    FailRate,
    FailsInWindow,
    FaultRaised,
    NoPhotos,
    SameRegion,
)
from shared.alerts.desk import HeldSubscription
from shared.alerts.hours import ActiveHours
from shared.alerts.subscription import Subscription
from shared.auth import Principal, Role
from shared.events import FaultKind
from shared.events.base import Slug
from shared.registry.place_key import PlaceKey
from shared.settings.plants import PlantsSettings
from tests.unit.services.console.subscriptions.made import conditions, hours, subscriptions

ENGLISH, GERMAN = Words("en", PlantsSettings()), Words("de", PlantsSettings())
NIGHT = datetime(2026, 11, 24, 2, tzinfo=UTC)
SLUG: TypeAdapter[str] = TypeAdapter(Slug)


def visitor(*plants: str, role: Role = Role.SUPERVISOR, looks_at: str | None = None) -> Visitor:
    """Somebody with a role at some plants."""
    principal = Principal("key:kim", frozenset({role}), frozenset(plants))
    return Visitor(principal, ENGLISH, plants=plants, plant=looks_at, signed_in=True)


def held(scope: str, **fields: object) -> HeldSubscription:
    """A subscription of some places."""
    record = Subscription.model_validate({"id": "x", "scope": scope, "condition": {"kind": "each_fail"}, **fields})
    return HeldSubscription(revision=7, record=record)


@pytest.mark.parametrize(
    ("condition", "english"),
    [
        (EachFail(), "Each failed part"),
        (FailsInWindow(fails=1, minutes=2.5), "1 failed part within 2.5 min"),
        (FailsInWindow(fails=1200), "1,200 failed parts within 10 min"),
        (FailRate(), "Fail rate 2 times that of the 24 h before, over 60 min"),
        (FailRate(baseline=0.015), "Fail rate 2 times 1.5\N{NO-BREAK SPACE}%, over 60 min"),
        (SameRegion(), "3 failed parts in a row damaged at the same place"),
        (NoPhotos(minutes=7), "No photo for 7 min"),
        (DeadLetters(letters=1), "1 photo that cannot be judged within 10 min"),
        (FaultRaised(), "Any fault of Linegate"),
        (FaultRaised(kinds=("disk_full",)), "A disk is full"),
    ],
)
def test_a_condition_in_words(condition: Condition, english: str) -> None:
    """As somebody would say it."""
    assert view.sentence(condition, ENGLISH) == english
    assert view.sentence(condition, GERMAN) != english


@given(conditions, hours)
@settings(max_examples=25)
def test_every_condition_and_every_hours_can_be_said(condition: Condition, active: ActiveHours) -> None:
    """In both languages."""
    for words in (ENGLISH, GERMAN):
        assert view.sentence(condition, words)
        assert active.zone in view.hours(active, words)


def test_every_fault_has_a_name() -> None:
    """Also those that came later."""
    assert set(view.FAULTS) == set(get_args(FaultKind))


@pytest.mark.parametrize(
    ("active", "said"),
    [
        (ActiveHours(days=("mon", "tue", "wed"), begin=time(6), end=time(14)), "Mon-Wed 06:00-14:00 (UTC)"),
        (ActiveHours(days=("sun", "mon"), begin=time(22), end=time(6)), "Mon, Sun 22:00-06:00 (UTC)"),
        (ActiveHours(days=("tue",)), "Tue (UTC)"),
        (ActiveHours(begin=time(6), end=time(14)), "daily 06:00-14:00 (UTC)"),
    ],
)
def test_hours_in_words(active: ActiveHours, said: str) -> None:
    """Days in a row as a range."""
    assert view.hours(active, ENGLISH) == said.replace("-", view.TO)


def test_awake_by_its_hours_and_its_switch() -> None:
    """A night shift is asleep by day."""
    night = {"begin": "22:00", "end": "06:00"}
    kim = visitor("munich")
    assert view.card(held("munich", hours=night), kim, NIGHT).awake
    assert not view.card(held("munich", hours=night), kim, NIGHT.replace(hour=12)).awake
    assert not view.card(held("munich", hours=night, enabled=False), kim, NIGHT).awake
    assert view.card(held("munich"), kim, NIGHT).awake


def test_who_sees_and_manages_what() -> None:
    """What is of every plant is for those who may at every one."""
    every, here, there = held("*"), held("munich/line-1"), held("austin")
    boss = visitor("*")
    assert view.shown([every, here, there], visitor("munich")) == [here]
    assert len(view.shown([every, here, there], boss)) == 3
    assert view.shown([every, here, there], visitor("*", looks_at="austin")) == [every, there]
    assert view.card(here, visitor("munich"), NIGHT).manageable
    assert not view.card(here, visitor("munich", role=Role.OPERATOR), NIGHT).manageable
    assert view.card(every, boss, NIGHT).manageable
    assert not view.card(every, visitor("munich"), NIGHT).manageable


def test_a_key_in_a_url_is_not_shown() -> None:
    """It is the receiver's secret."""
    assert view.target(Webhook(name="w", url="https://a.example/x?key=1#y")) == "https://a.example/x"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Damaged labels, line 1", "damaged-labels-line-1"),
        ("  Größte Übel & Äste ", "groesste-uebel-aeste"),
        ("检查", "each-fail"),
        ("", "each-fail"),
        ("taken", "taken-3"),
        ("-._x", "x"),
    ],
)
def test_a_name_is_made_of_the_title(title: str, name: str) -> None:
    """One that is free."""
    assert free_name(title, {"taken", "taken-2"}, fallback="each_fail") == name


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_title_makes_a_name(title: str, fallback: str) -> None:
    """Whatever people write."""
    SLUG.validate_python(free_name(title, {"a"}, fallback=fallback))


@given(subscriptions())
def test_a_scope_comes_back_from_its_form(record: Subscription) -> None:
    """Also where a field says `any`, as a camera does that does not know."""
    assert read_scope(scope_values(record.scope)) == (record.scope, {})


def test_suggestions_are_places_that_were_seen() -> None:
    """As one would type them."""
    seen = [PlaceKey("munich/line-1/*/any/mobile"), PlaceKey("munich/line-2/*/*/*")]
    found = suggestions(seen, ["austin"])
    assert (found["plant"], found["line"], found["layout"]) == (["austin", "munich"], ["line-1", "line-2"], ["-"])
