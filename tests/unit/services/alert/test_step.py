"""The step: what it fires at once, when it does not, and when it waits."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.alert.observation import Observation, milliseconds, observe
from services.alert.places import LastSeen
from shared.alerts.conditions import EachFail, FailsInWindow, FaultRaised, SameRegion
from shared.alerts.hours import ActiveHours
from shared.alerts.records import Silence
from shared.bus.step import Emit, Retry
from shared.events import Check, Event, Timings
from shared.registry.errors import RegistryUnavailable
from shared.registry.place_key import PlaceKey
from tests.unit.conformance import StepConformance
from tests.unit.services.alert.memory import at
from tests.unit.services.alert.parts import Memory, fault, part, snapshot, subscription


class TestAlertStep(StepConformance):
    """The suite."""

    @pytest.fixture
    def step(self) -> Any:
        """With something to fire."""
        known = snapshot(
            subscription(EachFail()), subscription(FaultRaised(), "faults"), subscription(SameRegion(), "r")
        )
        return Memory(known).step

    @pytest.fixture
    def events(self) -> Sequence[Event]:
        """Both types."""
        return [part(1), fault(), part(2, failed=False), fault(state="cleared")]

    @pytest.fixture
    def bad_event(self) -> None:
        """Whatever is a verdict can be counted."""


def test_parts_of_the_scope_and_only_failed_ones() -> None:
    """Each in its group."""
    memory = Memory(snapshot(subscription(EachFail(), scope="munich/line-1", group_by=("line", "part"))))
    memory.step([part(1), part(2, failed=False), part(3, line="line-2"), part(4, plant="ulm"), part(5)])
    assert memory.book.outcome == {"mine|*/line-1/*/*/*/P1": ["photo-1"], "mine|*/line-1/*/*/*/P5": ["photo-5"]}


def test_late_ones_make_later_ones_count() -> None:
    """The third to come is the second to have happened: it completes a window that ends later."""
    memory = Memory(snapshot(subscription(FailsInWindow(fails=3, minutes=1))))
    memory.step([part(1, 0)])
    memory.step([part(3, 50)])
    memory.step([part(4, 200)])
    assert memory.fired == []
    memory.step([part(2, 20)])
    assert memory.fired == ["photo-3"]
    (alert,) = memory.book.alerts.values()
    assert [one.image for one in alert.evidence] == ["photo-3", "photo-2", "photo-1"]
    assert alert.summary == "3 parts failed at munich/line-1/st-40 within 1 min, the latest P3"


def test_who_sleeps_hears_nothing_but_is_counted() -> None:
    """By event time: what happened in the night is not told in the morning, what happened at work is."""
    nights = ActiveHours(begin=at(600).time(), end=at(700).time())
    known = snapshot(
        subscription(EachFail(), "shift", hours=nights),
        subscription(EachFail(), "off", enabled=False),
        subscription(FailsInWindow(fails=2, minutes=60), "count", hours=nights),
    )
    memory = Memory(known)
    memory.step([part(1, 0), part(2, 650), part(3, 800)])
    assert memory.book.outcome == {
        "shift|munich/line-1": ["photo-2"],
        "count|munich/line-1": ["photo-2"],
    }


def test_old_parts_fire_nothing() -> None:
    """A backlog of days is history; for two days is remembered what was counted."""
    memory = Memory(snapshot(subscription(EachFail())))
    memory.now = at(86_400 + 10)
    memory.step([part(1, 9), part(2, 11)])
    assert memory.fired == ["photo-2"]


def test_a_silence_mutes_what_it_covers() -> None:
    """The alert is there all the same."""
    silence = Silence(id="s", scope=PlaceKey.parse("munich/line-1"), begin=at(0), end=at(7200), by="kim")
    memory = Memory(snapshot(subscription(EachFail()), silences=[silence]))
    memory.step([part(1), part(2, line="line-2")])
    assert {key: alert.muted for key, alert in memory.book.alerts.items()} == {
        "mine|munich/line-1": "silence",
        "mine|munich/line-2": None,
    }


def test_a_fault_counts_once_and_is_known_until_it_is_over() -> None:
    """It is told again and again under one id; a worse one has another."""
    memory = Memory(snapshot(subscription(FaultRaised(), scope="munich", group_by=("plant",))))
    memory.now = at(10)
    memory.step([fault(), fault(expires=at(400)), fault("2", plant="munich"), fault("3", plant="ulm")])
    assert memory.book.outcome == {"mine|munich": ["fault-1-raised|crop/1", "fault-2-raised|crop/2"]}
    assert [one.expires for one in memory.standing.all() if one.key == "crop/1"] == [at(400)]
    memory.step([fault(state="cleared")])
    assert sorted(one.key for one in memory.standing.all()) == ["crop/2", "crop/3"]


def test_before_the_subscriptions_are_known_everything_waits() -> None:
    """Otherwise what came first would be lost to them."""
    memory = Memory(None)
    assert all(isinstance(one, Retry) for one in memory.step([part(1), fault()]))
    memory.known = snapshot(subscription(EachFail()))
    assert memory.step([part(1)]) == [Emit(())]
    assert memory.fired == ["photo-1"]


def test_redis_away_means_later() -> None:
    """For whatever was not done; nothing is asked again, each time for its time limit."""

    class Away:
        calls = 0

        def trigger(self, *_: object, **__: object) -> None:
            Away.calls += 1
            if Away.calls > 1:
                raise RegistryUnavailable("Redis is away", hint="wait")

    memory = Memory(snapshot(subscription(EachFail())), wrap=lambda kept: Away() if hasattr(kept, "alerts") else kept)
    assert memory.step([part(1), part(2), part(3)]) == [Emit(()), *[Retry("Redis is away; wait")] * 2]
    assert Away.calls == 2


def test_what_came_from_where() -> None:
    """Passed parts too; a photo by its event time, a verdict by when it was given."""
    memory = Memory(snapshot())
    memory.step([part(1, 5, failed=False), part(2, 3)])
    assert memory.places.all() == {part(1).place: LastSeen(at(5), at(5.3))}


def test_event_time() -> None:
    """The shutter, unless the camera's clock is off or runs ahead of the verdict; never later than now."""
    now = at(100)
    assert observe(part(1, 5), now).time == at(5)
    assert observe(part(1, 5, timings=Timings(clock_skew=-1e6)), now).time == at(5.3)
    assert observe(part(1, 50, time=at(20)), now).time == at(20)
    assert observe(part(1, 5_000_000), now).time == now
    assert observe(part(1, 120), now).time == at(120)
    micro = part(1, 0, captured=at(0) + timedelta(microseconds=1999), time=at(1))
    assert observe(micro, now).time == at(0.001)


def test_what_is_kept_of_a_verdict() -> None:
    """The damage check's numbers; none where no part was found."""
    kept = observe(part(1, 5, peak=(0.25, 0.75)), at(10))
    assert kept == Observation("photo-1", at(5), True, "P1", "munich", 3.0, 2.0, (0.25, 0.75))
    assert Observation.of_member(kept.member, milliseconds(kept.time)) == kept
    passed = observe(part(1, 5, failed=False), at(10))
    assert Observation.of_member(passed.member, milliseconds(at(5))) == Observation("photo-1", at(5), failed=False)
    absent = (Check(name="damage", result="skipped"), Check(name="presence", result="fail", score=0.1, threshold=0.5))
    lost = observe(part(1, checks=absent), at(10))
    assert (lost.failed, lost.score, lost.threshold, lost.peak) == (True, None, None, None)


def test_a_row_waits_for_what_may_still_come() -> None:
    """A good part that comes late ends it; what was decided on is let go of, but for the context."""
    memory = Memory(snapshot(subscription(SameRegion(parts=3))))
    memory.step([part(1, 1), part(2, 2), part(3, 3)])
    memory.close(at(3))
    memory.step([part(4, 2.5, failed=False)])
    memory.close(at(4))
    assert memory.fired == []
    assert memory.series.floor == at(4)
    memory.step([part(5, 5), part(6, 6)])
    memory.close(at(7))
    assert memory.fired == ["photo-6"]
