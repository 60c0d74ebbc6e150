"""A camera's clock that is off is seen, said in the verdict's timings, and told once with hysteresis."""

from datetime import timedelta

import pytest

from services.crop.clock import CLEAR_AFTER, RAISE_AFTER, SkewWatch, clock_skew
from shared.events import PartImage
from tests.unit.faults import Told
from tests.unit.services.events import CAPTURED
from tests.unit.services.events import photo as an_image

SENT = CAPTURED
NOW = CAPTURED + timedelta(seconds=1)


def photo(seconds_off: float, *, sent_off: float = 0.0, **more: object) -> PartImage:
    """A photo whose camera's clock is off."""
    return an_image(captured=SENT + timedelta(seconds=seconds_off), time=SENT + timedelta(seconds=sent_off), **more)


def watch(told: Told, limit_s: float = 60.0) -> SkewWatch:
    """A watch whose own clock stands still."""
    return SkewWatch(limit_s, faults=told, clock=lambda: NOW)


@pytest.mark.parametrize(
    ("off", "sent_off", "expected"),
    [
        (-0.2, 0.0, None),
        (59.0, 0.0, None),
        (61.0, 0.0, 61_000.0),
        (-61.0, 0.0, -61_000.0),
        (86_400.0 * 365, 0.0, 86_400_000.0 * 365),
        # The sender's clock runs ahead as well: ours tells.
        (600.0, 600.0, 599_000.0),
        # Sent long ago and read late: the backlog is no skew.
        (-7200.2, -7200.0, None),
    ],
)
def test_what_is_beyond_the_limit(off: float, sent_off: float, expected: float | None) -> None:
    """Against the time the photo was sent; against our own where that lies ahead."""
    measured = watch(Told()).measure(photo(off, sent_off=sent_off))
    assert measured == (None if expected is None else pytest.approx(expected))


def test_the_limit_is_a_setting() -> None:
    """A line with poor clocks may allow more."""
    assert watch(Told(), limit_s=5.0).measure(photo(6.0)) is not None
    assert watch(Told(), limit_s=600.0).measure(photo(599.0)) is None


def test_a_fault_for_each_place_with_hysteresis() -> None:
    """One late photo is none; three in a row are; it is over after twenty good ones in a row."""
    told = Told()
    clocks = watch(told)
    for _ in range(RAISE_AFTER - 1):
        clocks.measure(photo(3600))
    clocks.measure(photo(0))
    assert told.open == []
    for _ in range(RAISE_AFTER + 5):
        clocks.measure(photo(3600))
        clocks.measure(photo(0, station="s-2"))
    assert [report.subject for report in told.open] == ["munich/line-1/any/any/stationary"]
    assert told.open[0].where["line"] == "line-1"
    for _ in range(CLEAR_AFTER - 1):
        clocks.measure(photo(0))
    clocks.measure(photo(3600))
    assert told.kinds == ["clock_skew"]
    for _ in range(CLEAR_AFTER):
        clocks.measure(photo(0))
    assert told.changes == [("raised", "clock_skew"), ("cleared", "clock_skew")]


def test_ahead_is_positive() -> None:
    """The sign says which way."""
    assert clock_skew(NOW, SENT, NOW) == timedelta(seconds=1)
    assert clock_skew(SENT, NOW, NOW) == timedelta(seconds=-1)
