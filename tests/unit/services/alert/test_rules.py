"""What each condition means."""

from collections import Counter
from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binom

from services.alert.observation import Observation, milliseconds
from services.alert.places import LastSeen
from services.alert.rules import absence, crowd, each_fail, fail_rate, fault, same_region
from services.alert.series.series import Tally
from shared.alerts.conditions import FailRate, FaultRaised, NoPhotos, NoVerdicts, SameRegion
from shared.alerts.records import Group
from shared.events import Place
from tests.unit.services.alert.memory import at
from tests.unit.services.alert.parts import fault as a_fault
from tests.unit.services.alert.parts import subscription

GROUP = Group(plant="munich")
TIMES = st.lists(st.integers(0, 60), max_size=30)


def seen(
    name: object, seconds: float, peak: tuple[float, float] | None = (0.5, 0.5), *, failed: bool = True
) -> Observation:
    """A part."""
    return Observation(str(name), at(seconds), failed, f"P{name}" if failed else "", "munich", 3.0, 2.0, peak)


def test_each_fail_says_what_failed() -> None:
    """And nothing about parts that passed."""
    (one,) = each_fail.triggers(seen(1, 5), GROUP, "munich/line-1")
    assert (one.id, one.time, one.group) == ("1", at(5), GROUP)
    assert one.summary == "part P1 failed at munich/line-1: damage 3, the threshold is 2"
    assert one.evidence[0].part == "P1"
    assert each_fail.triggers(seen(1, 5, failed=False), GROUP, "x") == []
    lost = Observation("1", at(0), True, "P1", "munich")
    assert each_fail.triggers(lost, GROUP, "x")[0].summary == "part P1 failed at x: no part was found in its photo"


@given(times=TIMES, count=st.integers(1, 5), length=st.integers(1, 20))
def test_a_crowd_is_found_wherever_its_window_begins(times: list[int], count: int, length: int) -> None:
    """By brute force: an observation completes one if so many lie within the window that ends with it."""
    window = timedelta(seconds=length)
    made = sorted((seen(n, t) for n, t in enumerate(times)), key=lambda one: one.order)
    last = {
        one.id
        for index, one in enumerate(made)
        if sum(one.time - other.time <= window for other in made[: index + 1]) >= count
    }
    found = set[str]()
    for one in made:
        before = [other for other in made if other.time < one.time][-(count - 1) :] if count > 1 else []
        around = before + [other for other in made if one.time <= other.time <= one.time + window]
        found |= {each.last.id for each in crowd.crowds(around, one, count=count, window=window)}
    assert found == last
    # No window of that length holds so many without being told of.
    for begin in {one.time for one in made}:
        inside = [one for one in made if begin <= one.time <= begin + window]
        assert len(inside) < count or last & {one.id for one in inside}


REGION = SameRegion(parts=3, radius=0.1, passes_between=1)
PEAKS = st.sampled_from([(0.5, 0.5), (0.55, 0.58), (0.62, 0.5), None])


def test_a_row_of_damage_at_one_place() -> None:
    """Good parts between as many as allowed; a part that was not found is one between; every further one counts."""
    made = [seen(0, 0), seen(1, 1, failed=False), seen(2, 2, (0.55, 0.45)), seen(3, 3, None), seen(4, 4), seen(5, 5)]
    rows = same_region.rows(made, at(0), REGION)
    assert [[one.id for one in row] for row in rows] == [["0", "2", "4"], ["2", "4", "5"]]
    assert same_region.rows(made, at(5), REGION) == rows[1:]
    summary = same_region.trigger(rows[0], REGION, GROUP, "munich").summary
    assert summary.startswith(
        "3 parts in a row are damaged at the same place at munich: 50% from the left and 50% from"
    )
    assert same_region.rows([made[0], made[2], made[1], made[1], made[4]], at(0), REGION) == []
    assert same_region.rows([seen(0, 0), seen(1, 1, (0.56, 0.5)), seen(2, 2, (0.62, 0.5))], at(0), REGION) == []


@example(
    drawn=[(True, (0.5, 0.5)), (False, None), (True, (0.5, 0.5)), (False, None), (True, (0.5, 0.5))],
    cut=4,
    between=1,
    parts=3,
)
@given(
    drawn=st.lists(st.tuples(st.booleans(), PEAKS), max_size=30),
    cut=st.integers(0, 30),
    between=st.integers(0, 2),
    parts=st.integers(2, 4),
)
def test_the_context_is_enough(
    drawn: list[tuple[bool, tuple[float, float] | None]], cut: int, between: int, parts: int
) -> None:
    """What was decided on may be forgotten but for the context: the rest finds the same rows."""
    condition = SameRegion(parts=parts, radius=0.1, passes_between=between)
    made = [seen(n, n, peak, failed=failed) for n, (failed, peak) in enumerate(drawn)]
    past = made[:cut]
    kept = past[max(0, len(past) - same_region.context(condition)) :] + made[cut:]
    assert same_region.rows(kept, at(cut), condition) == same_region.rows(made, at(cut), condition)


RATE = FailRate(minutes=10, parts=30, baseline=0.05, factor=2, confidence=0.99)


def number(seconds: float, condition: FailRate = RATE) -> int:
    """The stretch of a time."""
    return milliseconds(at(seconds)) // (fail_rate.stretch(condition) // timedelta(milliseconds=1))


def test_a_rate_is_too_high_beyond_chance_and_beyond_the_factor() -> None:
    """By the binomial distribution itself."""
    for fails in range(31):
        fine = {number(0): Tally(20, min(fails, 20)), number(60): Tally(10, max(0, fails - 20))}
        found = fail_rate.high_rates(RATE, fine, {}, at(-1), at(120))
        chance = float(binom.sf(fails - 1, 30, 0.05))
        assert [one.end for one in found[-1:]] == ([at(120)] if chance * 10 <= 0.01 and fails >= 3 else []), fails
        if found:
            assert abs(found[-1].chance - chance) < 1e-9
    # 20 parts of the first stretch alone are too few to say anything, whatever they are.
    assert fail_rate.high_rates(RATE, {number(0): Tally(20, 20)}, {}, at(-1), at(120)) == []


def test_only_windows_with_something_new_and_not_yet_decided() -> None:
    """They end at whole stretches; what is older than the window does not count."""
    fine = {number(0): Tally(40, 20), number(540): Tally(1, 1), number(600): Tally(1, 1)}
    assert [one.end for one in fail_rate.high_rates(RATE, fine, {}, at(-1), at(9000))] == [at(60), at(600)]
    assert [one.end for one in fail_rate.high_rates(RATE, fine, {}, at(60), at(9000))] == [at(600)]
    assert fail_rate.high_rates(RATE, fine, {}, at(60), at(599)) == []
    assert fail_rate.decidable(RATE, at(119)) == at(60)


def test_the_past_says_what_is_usual() -> None:
    """Laplace's estimate over the hours before the window; without enough of a past nothing is said."""
    condition = FailRate(minutes=10, parts=30, baseline_hours=1, factor=2, confidence=0.99)
    fine = {number(0): Tally(30, 9)}
    minute = milliseconds(at(0)) // 60_000

    def usual(coarse: dict[int, Tally]) -> float | None:
        found = fail_rate.high_rates(condition, fine, coarse, at(-1), at(60))
        return found[0].usual if found else None

    assert usual({}) is None
    assert usual({minute - 20: Tally(29, 0)}) is None
    assert usual({minute - 20: Tally(98, 4)}) == 5 / 100
    # The window itself, and what is more than an hour before it, are no past.
    assert usual({minute - 20: Tally(98, 4), minute - 5: Tally(99, 99), minute - 70: Tally(99, 99)}) == 5 / 100
    assert usual({minute - 20: Tally(98, 30)}) is None
    first_fine, first_coarse = fail_rate.needed_from(condition, at(60))
    assert first_fine <= number(60) - fail_rate.stretches(condition)
    assert first_coarse == minute - 69  # the next window begins a minute later


@given(minutes=st.floats(0.001, 1440))
def test_windows_are_whole_stretches(minutes: float) -> None:
    """Of whole milliseconds, to one in a thousand; never more than a minute, so that the latest is no old news."""
    condition = FailRate(minutes=minutes, baseline=0.1)
    width, many = fail_rate.stretch(condition), fail_rate.stretches(condition)
    assert timedelta(milliseconds=1) <= width <= timedelta(seconds=61)
    assert abs(width * many / timedelta(minutes=minutes) - 1) <= 0.02 * max(1, 1 / (minutes * 60))


def test_a_rate_in_words() -> None:
    """With the failed parts of the window."""
    high = fail_rate.HighRate(at(60), Tally(30, 6), 0.05, 0.00331)
    latest = [seen(1, 1), seen(2, 2, failed=False), seen(3, 3)]
    told = fail_rate.trigger(high, RATE, GROUP, "munich", latest)
    assert told.summary == "20.0% of 30 parts failed at munich within 10 min; usual is 5.0%, chance 0.0033"
    assert [one.image for one in told.evidence] == ["3", "1"]


PLACES = {
    Place(plant="munich", line="line-1", station="a"): LastSeen(at(100), at(400)),
    Place(plant="munich", line="line-1", station="b"): LastSeen(at(50), None),
    Place(plant="munich", line="line-2"): LastSeen(at(10), at(11)),
    Place(plant="ulm", line="line-1"): LastSeen(at(0), at(0)),
}
LINE_1, LINE_2 = Group(plant="munich", line="line-1"), Group(plant="munich", line="line-2")


def test_nothing_comes_from_a_group() -> None:
    """By its latest place, from the beginning on; of verdicts, when they were given."""
    photos, verdicts = NoPhotos(minutes=5), NoVerdicts(minutes=5)
    mine = subscription(photos)
    latest = absence.watched(mine, photos, PLACES)
    assert latest == {LINE_1: at(100), LINE_2: at(10)}
    assert absence.watched(mine, verdicts, PLACES) == {LINE_1: at(400), LINE_2: at(11)}
    assert [one.group for one in absence.silent(latest, photos, begin=at(0), as_of=at(399))] == [LINE_2]
    assert [one.group for one in absence.silent(latest, photos, begin=at(0), as_of=at(400))] == [LINE_1, LINE_2]
    assert absence.silent(latest, photos, begin=at(101), as_of=at(400)) == []
    assert absence.lasts(latest, LINE_1, photos, at(400))
    assert not absence.lasts(latest, LINE_1, photos, at(399))
    assert not absence.lasts(latest, Group(plant="munich", line="given-up"), photos, at(10**6))
    (told,) = [
        absence.trigger(one, photos, mine, at(400))
        for one in absence.silent({LINE_1: at(100)}, photos, begin=at(0), as_of=at(400))
    ]
    assert told.summary == "no photo came from munich/line-1 for 5 min; the last one: 2026-11-24 08:01:40 UTC"


def test_a_place_that_is_named_is_missed_before_it_ever_came() -> None:
    """Where the scope names all that is grouped by, and only there."""
    photos = NoPhotos(minutes=5)
    named = subscription(photos, scope="munich/line-9")
    latest = absence.watched(named, photos, PLACES)
    assert latest == {Group(plant="munich", line="line-9"): None}
    (one,) = absence.silent(latest, photos, begin=at(0), as_of=at(300))
    assert absence.trigger(one, photos, named, at(300)).summary.endswith("the last one: never")
    assert absence.lasts(latest, one.group, photos, at(10**6))
    assert absence.watched(subscription(photos, scope="bonn"), photos, PLACES) == {}
    here = subscription(photos, scope="munich/line-2")
    assert absence.watched(here, photos, PLACES) == {LINE_2: at(10)}


def test_faults() -> None:
    """One that names no place is about every place, also about the one that is subscribed to."""
    mine = subscription(FaultRaised(kinds=("store_away",)), scope="munich/line-1")

    def ids(one: object, condition: FaultRaised = FaultRaised()) -> Counter[str]:  # noqa: B008 - immutable
        return Counter(told.id for told in fault.triggers(one, condition, mine, at(10)))  # type: ignore[arg-type]

    everywhere, told = a_fault(), "fault-1-raised|crop/1"
    assert ids(everywhere) == {told: 1}
    assert ids(everywhere, FaultRaised(kinds=("disk_full",))) == {}
    assert ids(a_fault(plant="munich")) == {told: 1}
    assert ids(a_fault(plant="ulm")) == ids(a_fault(plant="munich", line="line-2")) == {}
    assert ids(a_fault(state="cleared")) == ids(a_fault(expires=at(10))) == {}
    (trigger,) = fault.triggers(everywhere, FaultRaised(), mine, at(10))
    assert trigger.group == Group(plant="munich", line="line-1")
    assert trigger.summary == "store_away of crop: the store is away"
    assert fault.lasts([everywhere], FaultRaised(), mine, trigger.group, at(10))
    assert not fault.lasts([everywhere], FaultRaised(), mine, trigger.group, at(300))
    assert not fault.lasts([everywhere], FaultRaised(), mine, Group(plant="ulm"), at(10))
