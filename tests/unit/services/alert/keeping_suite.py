"""What whoever keeps series and places must do: run on memory and on the real Redis."""

from datetime import timedelta

import pytest

from services.alert.observation import Observation
from services.alert.places import LastSeen, Places
from services.alert.series.series import Addition, Keep, Series, SeriesKey, Tally
from shared.alerts.records import Group
from shared.events import Place
from tests.unit.services.alert.memory import at

KEY = SeriesKey("mine", "d1", Group(plant="munich", station="end"))
OTHER = SeriesKey("mine", "d1", Group(plant="munich", station="begin"))
MINUTE = timedelta(minutes=1)
KEEP = Keep(horizon=MINUTE)
COUNTS = Keep(horizon=MINUTE, fine=timedelta(seconds=10), past=timedelta(hours=1), closes=True)


def seen(name: object, seconds: float, *, failed: bool = True) -> Observation:
    """A part."""
    if not failed:
        return Observation(str(name), at(seconds), failed=False)
    return Observation(str(name), at(seconds), True, f"P{name}", "munich", 3.25, 2.0, (0.1, 0.9))


def everything(series: Series, key: SeriesKey = KEY) -> list[Observation]:
    """All that is kept."""
    return series.between(key, at(-(10**6)), at(10**6))


class SeriesSuite:
    """Derive from this, and give the fixture `series`."""

    @pytest.fixture
    def series(self) -> Series:
        """An empty one."""
        raise NotImplementedError

    def test_what_is_kept_comes_back_in_order(self, series: Series) -> None:
        """Whatever it holds; by event time, and within a millisecond by its text."""
        odd = Observation("ü|: []\"'", at(3.001), True, "a/b:c", "munich", None, None, None)
        made = [seen("b", 3), odd, seen("a", 3), seen(1, 1, failed=False)]
        series.add([Addition(KEY, one, KEEP) for one in made] + [Addition(OTHER, seen("x", 2), KEEP)])
        assert everything(series) == [made[3], made[2], made[0], odd]
        assert everything(series, OTHER) == [seen("x", 2)]
        assert series.between(KEY, at(1), at(3)) == [made[3], made[2], made[0]]
        assert series.latest(KEY, at(3.001), 2) == [made[2], made[0]]
        assert series.latest(KEY, at(3), 5) == [made[3]]
        assert series.latest(KEY, at(3), 0) == []

    def test_the_same_again_changes_nothing(self, series: Series) -> None:
        """Not even its time."""
        one = seen(1, 5)
        moved = Observation(one.id, at(9), True, one.part, one.plant, one.score, one.threshold, one.peak)
        series.add([Addition(KEY, one, COUNTS), Addition(KEY, one, COUNTS)])
        series.add([Addition(KEY, moved, COUNTS)])
        assert everything(series) == [one]
        fine, coarse = series.counts(KEY)
        assert list(fine.values()) == list(coarse.values()) == [Tally(1, 1)]

    def test_what_is_past_goes_and_does_not_come_back(self, series: Series) -> None:
        """By the settled moment, not by the newest: one partition may be read far ahead."""
        series.add([Addition(KEY, seen(n, n * 100), COUNTS) for n in range(3)])
        assert len(everything(series)) == 3
        series.settled(at(170))
        series.settled(at(100))
        series.add([Addition(KEY, seen(3, 300), COUNTS), Addition(KEY, seen(0, 0), COUNTS)])
        assert [one.id for one in everything(series)] == ["2", "3"]
        series.add([Addition(KEY, seen(4, 110), COUNTS)])
        assert [one.id for one in everything(series)] == ["4", "2", "3"]
        assert sum(series.counts(KEY)[0].values(), Tally()) == Tally(5, 5)

    def test_without_a_settled_moment_two_days_are_kept(self, series: Series) -> None:
        """Whatever is wrong, it does not grow for ever."""
        series.add([Addition(KEY, seen(0, 0), KEEP), Addition(KEY, seen(1, 2 * 86_400 + 61), KEEP)])
        assert [one.id for one in everything(series)] == ["1"]

    def test_some_go_by_their_newest(self, series: Series) -> None:
        """Dead letters."""
        keep = Keep(horizon=MINUTE, newest=True)
        series.settled(at(10_000))
        series.add([Addition(KEY, seen(n, n * 40), keep) for n in range(4)])
        assert [one.id for one in everything(series)] == ["2", "3"]

    def test_counts(self, series: Series) -> None:
        """By stretches, parts and failed ones; old ones go when nobody needs them."""
        made = [(0, True), (9, False), (10, True), (70, False), (129, True)]
        series.add([Addition(KEY, seen(n, s, failed=f), COUNTS) for n, (s, f) in enumerate(made)])
        fine, coarse = series.counts(KEY)
        first = min(fine)
        assert {number - first: tally for number, tally in fine.items()} == {
            0: Tally(2, 1), 1: Tally(1, 1), 7: Tally(1, 0), 12: Tally(1, 1),
        }  # fmt: skip
        start = min(coarse)
        assert {n - start: tally for n, tally in coarse.items()} == {0: Tally(3, 2), 1: Tally(1, 0), 2: Tally(1, 1)}
        series.decided(KEY, at(60), counts_from=(first + 7, start + 2))
        fine, coarse = series.counts(KEY)
        assert set(fine) == {first + 7, first + 12}
        assert set(coarse) == {start + 2}

    def test_due_until_decided(self, series: Series) -> None:
        """A series is due while there is something before the moment that was not decided on."""
        series.add([Addition(KEY, seen(1, 10), COUNTS), Addition(OTHER, seen(2, 20), KEEP)])
        assert series.due(at(10)) == []
        assert series.due(at(10.001)) == [KEY]
        assert series.decided_until(KEY) is None
        series.add([Addition(KEY, seen(3, 30), COUNTS), Addition(KEY, seen(4, 5), COUNTS)])
        assert series.due(at(6)) == [KEY]
        series.decided(KEY, at(30))
        series.decided(KEY, at(7))
        assert series.decided_until(KEY) == at(30)
        assert series.due(at(30)) == [KEY]  # the second word was older: it is looked at once more, for nothing
        series.decided(KEY, at(30))
        assert series.due(at(30)) == []
        assert series.due(at(31)) == [KEY]
        series.decided(KEY, at(31))
        assert series.due(at(1000)) == []

    def test_of_the_past_so_many_stay(self, series: Series) -> None:
        """What rows still need."""
        series.add([Addition(KEY, seen(n, n), COUNTS) for n in range(6)])
        series.decided(KEY, at(4), context=2)
        assert [one.id for one in everything(series)] == ["2", "3", "4", "5"]

    def test_forgotten(self, series: Series) -> None:
        """Nobody asks any more."""
        series.add([Addition(KEY, seen(1, 1), COUNTS)])
        series.decided(KEY, at(0))
        series.forget(KEY)
        assert series.due(at(100)) == []
        assert series.decided_until(KEY) is None


class PlacesSuite:
    """Derive from this, and give the fixture `places`."""

    @pytest.fixture
    def places(self) -> Places:
        """An empty one."""
        raise NotImplementedError

    def test_the_newest_counts(self, places: Places) -> None:
        """Of photos and of verdicts, each by itself; what is older changes nothing."""
        here, there = Place(plant="munich", line="line-1"), Place(plant="munich", line="line-2", camera="mobile")
        places.saw([(here, LastSeen(at(5), at(6))), (there, LastSeen(at(1), None))])
        places.saw([(here, LastSeen(at(4), at(9)))])
        assert places.all() == {here: LastSeen(at(5), at(9)), there: LastSeen(at(1), None)}
        places.forget([here])
        places.forget([])
        assert set(places.all()) == {there}

    def test_somebody_looks_since_the_first_look(self, places: Places) -> None:
        """Whoever asks."""
        assert places.watched_since("mine:d1", at(5)) == at(5)
        assert places.watched_since("mine:d1", at(9)) == at(5)
        assert places.watched_since("mine:d2", at(9)) == at(9)
