"""What goes by the clock, by the real worker: windows that close, what is missing, steps of open alerts."""

from datetime import timedelta
from itertools import count

import pytest

from shared.alerts.conditions import DeadLetters, FailRate, FaultRaised, NoPhotos, NoVerdicts, SameRegion
from shared.bus.dead_letter import dead_letter
from shared.bus.envelope import encode
from shared.bus.record import Record
from shared.events import Fault, now
from tests.integration.alert.site import Site
from tests.unit.services.events import photo

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def test_windows_close_when_nothing_older_can_come(site: Site) -> None:
    """Three in a row at one place, in whatever order they come; a rate that is too high."""
    site.subscribe("row", SameRegion(parts=3, radius=0.05))
    site.subscribe("rate", FailRate(minutes=1, parts=5, baseline=0.05, factor=2))
    start = now() - timedelta(minutes=2)
    row = [site.verdict(str(n), peak=(0.5, 0.25 + n / 100), at=start + timedelta(seconds=n)) for n in (2, 0, 3, 1)]
    site.publish(*row, site.verdict("good", failed=False, at=start + timedelta(seconds=2.5)))
    with site.worker():
        site.wait_steps(2)
    site.read_rest()
    assert sorted(site.steps) == [("rate", "fired"), ("row", "fired")]
    told = {one.subscription.rsplit("-")[-1]: one for one in site.told}
    # The good part came after the third, in event time.
    assert [one.part for one in told["row"].evidence] == [f"P{site.plant}-{n}" for n in (2, 1, 0)]
    assert told["rate"].summary.startswith("80.0% of 5 parts failed")


def test_a_place_falls_silent_and_comes_back(site: Site) -> None:
    """No photos mutes no verdicts; both are over with the next part."""
    site.subscribe("photos", NoPhotos(minutes=0.05))
    site.subscribe("verdicts", NoVerdicts(minutes=0.1))
    site.publish(site.verdict("1", failed=False))
    with site.worker():
        site.wait_steps(2)
        numbers = count(2)

        def comes_back() -> bool:
            # Again and again: on a loaded machine one part may be old news when it is seen.
            site.publish(site.verdict(str(next(numbers)), failed=False))
            return len(site.told) >= 4

        site.wait(comes_back)
    told = [(name, step) for name, step in site.steps]
    assert told[:2] == [("photos", "fired"), ("verdicts", "fired")]
    assert sorted(told[2:4]) == [("photos", "resolved"), ("verdicts", "resolved")]
    assert [one.muted for one in site.told[:2]] == [None, "inhibition"]


def test_faults_and_dead_letters(site: Site) -> None:
    """A fault counts once however often it is told, and is over when it is cleared; letters count by where they lie."""
    site.subscribe("fault", FaultRaised())
    site.subscribe("letters", DeadLetters(letters=3, minutes=5), group_by=("plant",))
    at = now()
    raised = Fault(
        id=f"{site.plant}-raised",
        key=f"crop/{site.plant}",
        kind="store_away",
        state="raised",
        severity="error",
        worker="crop",
        instance=site.plant,
        plant=site.plant,
        detail="the store is away",
        since=at,
        expires=at + timedelta(minutes=5),
    )
    for number in range(4):
        bad = encode(photo(f"{site.plant}-{number}", plant=site.plant))
        lay = Record(bad.topic, 0, number, int(at.timestamp() * 1000), bad.key, bad.value, bad.headers)
        site.publish_record(dead_letter(lay, "no JPEG", worker="crop-test"))
    site.publish(raised, raised)
    with site.worker():
        site.wait_steps(2)
        site.wait_triggers(3)
        site.publish(raised, raised.model_copy(update={"id": "over", "state": "cleared", "expires": None}))
        site.wait_steps(3)
    site.read_rest()
    assert sorted(site.steps) == [("fault", "fired"), ("fault", "resolved"), ("letters", "fired")]
    (letters,) = site.book.open_alerts()
    assert letters.record.count == 2
    assert (
        letters.record.summary
        == f"3 photos at {site.plant}/line-1 could not be judged within 5 min, the latest: no JPEG"
    )
    (over,) = [held.record for held in site.book.closed_alerts()]
    assert over.count == 1
