"""Subscriptions of any shape."""

from datetime import time
from typing import Any, get_args

from hypothesis import strategies as st

from shared.alerts.channels import Channel, Email, Mqtt, Webhook
from shared.alerts.conditions import (
    Condition,
    DeadLetters,
    EachFail,
    FailRate,
    FailsInWindow,
    FaultRaised,
    NoPhotos,
    NoVerdicts,
    SameRegion,
)
from shared.alerts.hours import WEEK, ActiveHours
from shared.alerts.subscription import Escalation, Subscription
from shared.events import FaultKind
from shared.registry.place_key import PlaceKey

slugs = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
text = st.text(st.characters(exclude_categories=("C", "Z")), max_size=20).map(str.strip)
minutes = st.floats(0, 1440, exclude_min=True)
counts = st.integers(1, 10_000)
spans = st.one_of(st.integers(1, 7 * 86_400).map(float), st.floats(0, 7 * 86_400, exclude_min=True))
clocks = st.one_of(st.times(), st.builds(time, st.integers(0, 23), st.integers(0, 59)))


def some(known: tuple[Any, ...], least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    """Some of what is known, in its order."""
    chosen = st.sets(st.sampled_from(known), min_size=least)
    return chosen.map(lambda found: tuple(one for one in known if one in found))


conditions: st.SearchStrategy[Condition] = st.one_of(
    st.just(EachFail()),
    st.builds(FailsInWindow, fails=counts, minutes=minutes),
    st.builds(
        FailRate,
        minutes=st.floats(0, 59, exclude_min=True),
        parts=st.integers(5, 100_000),
        baseline=st.none() | st.floats(0, 1, exclude_max=True),
        baseline_hours=st.floats(1, 168),
        factor=st.floats(1, 100),
        confidence=st.floats(0.5, 1, exclude_min=True, exclude_max=True),
    ),
    st.builds(
        SameRegion,
        parts=st.integers(2, 100),
        radius=st.floats(0, 1, exclude_min=True),
        passes_between=st.integers(0, 100),
    ),
    st.builds(NoPhotos, minutes=minutes),
    st.builds(NoVerdicts, minutes=minutes),
    st.builds(DeadLetters, letters=counts, minutes=minutes),
    st.builds(FaultRaised, kinds=some(get_args(FaultKind))),
)
hours = st.builds(
    ActiveHours,
    days=some(WEEK, 1),
    begin=clocks,
    end=clocks,
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
)
paths = st.from_regex(r"[a-z0-9/._~%-]{0,20}", fullmatch=True)


@st.composite
def channels(draw: st.DrawFn, name: str) -> Channel:
    """A channel of any kind."""
    kind = draw(st.sampled_from([Webhook, Email, Mqtt]))
    if kind is Webhook:
        return Webhook(name=name, url=draw(st.sampled_from(["http", "https"])) + "://hooks.example/" + draw(paths))
    if kind is Email:
        people = st.from_regex(r"[A-Za-z0-9.+_-]{1,12}@[a-z0-9]{1,8}\.example", fullmatch=True)
        return Email(name=name, to=tuple(draw(st.lists(people, min_size=1, max_size=4))))
    topic = draw(st.from_regex(r"[A-Za-z0-9/$_äß-]{1,20}", fullmatch=True))
    return Mqtt(name=name, topic=topic, retain=draw(st.booleans()))


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    """A subscription of any shape."""
    names = draw(st.lists(slugs, unique=True, max_size=6))
    made = [draw(channels(name)) for name in names]
    split = draw(st.integers(0, len(made)))
    condition = draw(conditions)
    fields = ("plant", "line", "station", "layout", "camera")
    camera = st.sampled_from(["*", "stationary", "mobile"])
    places = st.one_of(st.just("*"), st.just("any"), slugs)
    escalation = None
    if made[split:]:
        escalation = Escalation(after_s=draw(spans), channels=tuple(made[split:]))
    return Subscription(
        id=draw(slugs),
        title=draw(text),
        scope=PlaceKey("/".join([*(draw(places) for _ in range(4)), draw(camera)])),
        condition=condition,
        severity=draw(st.sampled_from(["warning", "error", "critical"])),
        channels=tuple(made[:split]),
        group_by=draw(some((*fields, "part") if condition.kind == "each_fail" else fields)),
        hours=draw(st.none() | hours),
        repeat_s=draw(st.just(0.0) | spans),
        resolve_after_s=draw(spans),
        escalation=escalation,
        tell_resolved=draw(st.booleans()),
        language=draw(st.sampled_from(["en", "de"])),
        enabled=draw(st.booleans()),
    )
