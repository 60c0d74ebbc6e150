"""What open alerts need by the clock, what mutes them, and when a shift began."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.alert.mute import mute_of
from services.alert.ticking.care import Situation, care
from shared.alerts import life
from shared.alerts.channels import Mqtt
from shared.alerts.conditions import EachFail
from shared.alerts.hours import ActiveHours
from shared.alerts.records import Alert, Group, Silence, Trigger
from shared.alerts.subscription import Escalation, Subscription
from shared.events import Place
from shared.registry.place_key import PlaceKey
from tests.unit.services.alert.memory import at
from tests.unit.services.alert.parts import subscription

LAMP = Mqtt(name="lamp", topic="lamp")
MINE = subscription(
    EachFail(), repeat_s=600, resolve_after_s=1800, escalation=Escalation(after_s=900, channels=(LAMP,))
)


def alert(*, of: Subscription = MINE, muted: Any = None) -> Alert:
    """One that has just fired."""
    trigger = Trigger(id="1", group=Group(plant="munich"), summary="x", time=at(0))
    return life.fire(of, trigger, muted=muted, at=at(0))


def step(open_alert: Alert, seconds: float, of: Subscription = MINE, **more: Any) -> str | None:
    """Which step is due so long after it fired."""
    fields = {"as_of": at(seconds), "lasts": None, "muted": None, "awake": True, **more}
    needed = care(open_alert, of, Situation(at=at(seconds), **fields))
    return None if needed is None else str(needed.step(open_alert, at(seconds))[1])


def test_it_is_told_again_and_then_others_are_told() -> None:
    """Escalation goes before repetition; both only once at a time."""
    one = alert()
    assert [step(one, s) for s in (0, 599, 600)] == [None, None, "repeated"]
    repeated, _ = life.repeat(one, at(600))
    assert [step(repeated, s) for s in (601, 899, 900, 1201)] == [None, None, "escalated", "escalated"]
    escalated, _ = life.escalate(repeated, at(900))
    assert [step(escalated, s) for s in (901, 1199, 1200)] == [None, None, "repeated"]
    assert step(one, 10_000, of=subscription(EachFail(), repeat_s=0, resolve_after_s=99_999)) is None


def test_who_acknowledged_it_is_left_in_peace() -> None:
    """Neither repeated nor escalated; over when it is over."""
    acknowledged, _ = life.acknowledge("kim")(alert(), at(1))
    assert [step(acknowledged, s) for s in (600, 900, 1799, 1800)] == [None, None, None, "resolved"]


def test_it_is_over_after_quiet_by_what_is_known_to_be_counted() -> None:
    """While verdicts wait to be counted, quiet proves nothing; where the condition itself tells, it decides."""
    one = alert()
    assert step(one, 1800) == "resolved"
    assert step(one, 5000, as_of=at(1799)) != "resolved"
    assert step(one, 5000, as_of=None) != "resolved"
    assert step(one, 5000, lasts=True) != "resolved"
    assert step(one, 1, lasts=False) == "resolved"


def test_muted_ones_are_quiet() -> None:
    """And heard of when that is over; from then on somebody can be late."""
    one = alert(muted="silence")
    assert [step(one, s, muted="silence") for s in (700, 1000)] == [None, None]
    assert step(one, 1000, muted="inhibition") is None
    assert step(one, 1000) == "unmuted"
    unmuted, _ = life.unmute(one, at(1000))
    assert [step(unmuted, s) for s in (1001, 1599, 1600)] == [None, None, "repeated"]
    repeated, _ = life.repeat(unmuted, at(1600))
    assert [step(repeated, s, lasts=True) for s in (1899, 1900)] == [None, "escalated"]
    assert step(alert(), 5, muted="silence") == "muted"


def test_nobody_is_woken() -> None:
    """Outside of its hours nothing is told again; the end is noted all the same."""
    assert [step(alert(), s, awake=False) for s in (600, 900, 1800)] == [None, None, "resolved"]


HERE = PlaceKey.parse("munich/line-1")
SILENCE = Silence(id="s", scope=HERE, conditions=("each_fail",), begin=at(10), end=at(20), by="kim")


@pytest.mark.parametrize(
    ("condition", "where", "seconds", "expected"),
    [
        ("each_fail", "munich/line-1", 10, "silence"),
        ("each_fail", "munich/line-1/end", 19, "silence"),
        ("each_fail", "munich/line-1", 9, None),
        ("each_fail", "munich/line-1", 20, None),
        ("fail_rate", "munich/line-1", 10, None),
        ("each_fail", "munich", 10, None),
        ("each_fail", "munich/line-2", 10, None),
    ],
)
def test_silences(condition: Any, where: str, seconds: float, expected: str | None) -> None:
    """All places, at its time, of its conditions."""
    assert mute_of(condition, PlaceKey.parse(where), silences=[SILENCE], at=at(seconds)) == expected


def test_no_photos_mutes_no_verdicts() -> None:
    """Where it covers all the places that there are; nothing else mutes anything."""
    places = [Place(plant="munich", line="line-1", station=name) for name in ("a", "b")]
    one = [("no_photos", PlaceKey.parse("munich/line-1/a"))]
    both: Any = [*one, ("no_photos", PlaceKey.parse("munich/line-1/b"))]

    def muted(condition: Any, firing: Any, silences: Any = ()) -> str | None:
        return mute_of(condition, HERE, silences=silences, at=at(10), firing=firing, places=places)

    assert muted("no_verdicts", one) is None
    assert muted("no_verdicts", both) == "inhibition"
    assert muted("no_verdicts", [("no_photos", HERE)]) == "inhibition"
    assert muted("no_verdicts", [("each_fail", HERE)]) is None
    assert muted("no_photos", [("no_verdicts", HERE)]) is None
    everything = SILENCE.model_copy(update={"conditions": ()})
    assert muted("no_verdicts", both, [everything]) == "silence"


def moment(day: int, hour: int, minute: int = 0) -> datetime:
    """In November 2026; the 23rd is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "when", "began"),
    [
        ({"begin": "06:00", "end": "14:00"}, moment(24, 5, 59), moment(24, 5)),
        ({"begin": "06:00", "end": "14:00"}, moment(24, 14), None),
        ({"begin": "22:00", "end": "06:00"}, moment(24, 3), moment(23, 21)),
        ({"begin": "22:00", "end": "06:00", "days": ["mon"]}, moment(24, 3), moment(23, 21)),
        ({"begin": "22:00", "end": "06:00", "days": ["tue"]}, moment(24, 3), None),
        ({}, moment(24, 3), None),
        ({"days": ["mon", "tue"]}, moment(24, 12), moment(22, 23)),
        ({"days": ["mon", "wed"], "begin": "06:00", "end": "06:00"}, moment(25, 12), moment(25, 5)),
    ],
)
def test_when_a_shift_began(hours: dict[str, Any], when: datetime, began: datetime | None) -> None:
    """By the plant's clock, an hour ahead of UTC in winter; days without a gap are one."""
    assert ActiveHours.model_validate({"zone": "Europe/Berlin", **hours}).began(when) == began
