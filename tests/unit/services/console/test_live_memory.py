"""What is kept of the present is bounded, and the same in whatever order events came."""

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.console.live import memory as module
from services.console.live.latency import GROWTH, bin_of, quantile
from services.console.live.memory import Memory
from services.console.live.minutes import Minutes
from services.console.live.newest import Newest, Recent
from services.console.live.pictures import MapMemory
from shared.events import Fault, LabelledPart, PartAnomalyMap, Verdict, now
from tests.unit.services.console.parts import START, verdict, word

minutes_ago = st.integers(0, 90)
events = st.lists(
    st.tuples(minutes_ago, st.booleans(), st.floats(0, 1e6) | st.none(), st.sampled_from(["line-1", "line-2"])),
    max_size=40,
)


def memory(tell: Any = lambda *_: None, map_bytes: int = 1000) -> Memory:
    """An empty one of an hour."""
    return Memory(history=timedelta(hours=1), map_bytes=map_bytes, tell=tell)


def everything(held: Memory) -> Any:
    """All that can be seen in it."""
    with held.reading():
        lines = [
            (plant, line, state.minutes.window(START, 60), state.minutes.series(START, 60), state.latest, state.fail)
            for plant, line, state in held.lines()
        ]
    return lines, held.fails("munich", 500), held.passes("munich", 500), held.history("munich", "P1")


@given(st.data(), events)
def test_the_order_of_verdicts_does_not_matter(data: st.DataObject, wanted: list[Any]) -> None:
    """Partitions are read side by side, so no order can be relied on."""
    verdicts = [
        verdict(
            f"photo-{number}",
            failed=failed,
            at=START - timedelta(minutes=ago),
            line=line,
            timings={"capture_to_verdict": latency},
        )
        for number, (ago, failed, latency, line) in enumerate(wanted)
    ]
    one, other = memory(), memory()
    for event in verdicts:
        one.take(event)
    for event in data.draw(st.permutations(verdicts)):
        other.take(event)
    assert everything(one) == everything(other)


@given(st.lists(st.tuples(minutes_ago, st.booleans()), min_size=1, max_size=60))
def test_counts_add_up(wanted: list[tuple[int, bool]]) -> None:
    """Each photo of the window is counted once, and none of before."""
    minutes = Minutes(61)
    for ago, failed in wanted:
        minutes.count(START - timedelta(minutes=ago), failed=failed)
    newest = min(ago for ago, _ in wanted)
    within = [failed for ago, failed in wanted if ago < 60 and ago - newest < 61]
    window = minutes.window(START, 60)
    assert (window.photos, window.fails) == (len(within), sum(within))
    assert len(minutes) <= 61


def test_a_photo_that_was_sent_twice_is_one_photo() -> None:
    """Two cards of one id would confuse the browser, and people."""
    held = memory()
    for ago in (2, 1):
        held.take(verdict("photo-1", failed=True, at=START - timedelta(minutes=ago)))
    assert [one.image for one in held.fails("munich", 10)] == ["photo-1"]
    assert len(held.history("munich", held.fails("munich", 1)[0].part)) == 1
    ((_, _, line),) = held.lines()
    assert line.minutes.window(START, 60).fails == 1


def test_dead_letters_are_no_photos_that_were_judged() -> None:
    """They make no fail rate."""
    minutes = Minutes(61)
    minutes.count(START, dead=True)
    assert (minutes.window(START, 10).dead, minutes.window(START, 10).fail_rate) == (1, None)


def test_a_line_of_which_nothing_could_be_judged_is_a_line() -> None:
    """Whoever looks at it sees that its photos are set aside; names that are none are not taken."""
    held = memory()
    held.take_dead_letter("munich", "line-9", START)
    for plant, line in ((None, "line-1"), ("munich", None), ("munich", "<script>"), ("Mün", "line-1")):
        held.take_dead_letter(plant, line, START)
    ((plant, line, state),) = held.lines()
    assert (plant, line, state.latest, state.minutes.window(START, 1).dead) == ("munich", "line-9", None, 1)


@given(st.lists(st.integers(0, 30)), st.integers(1, 10))
def test_the_newest_are_kept(numbers: list[int], size: int) -> None:
    """Whatever the order, each once."""
    kept: Newest[int] = Newest(size, lambda number: number)
    for number in numbers:
        kept.add(number)
    assert list(kept) == sorted(set(numbers), reverse=True)[:size]
    assert kept.latest() == (max(numbers) if numbers else None)


def test_recent_forgets_what_was_not_touched() -> None:
    """The bound on everything that has a name from outside."""
    held: Recent[int, list[int]] = Recent(3, list)
    for key in (1, 2, 3, 1, 4):
        held.touch(key).append(key)
    assert dict(held.items()) == {3: [3], 1: [1, 1], 4: [4]}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60)), max_size=30))
def test_maps_stay_within_their_bytes(puts: list[tuple[int, int]]) -> None:
    """Also where one is replaced, and where one is larger than all that may be held."""
    maps = MapMemory(100)
    for image, size in puts:
        maps.put(a_map(f"photo-{image}", b"x" * size))
        assert maps.bytes == sum(len(held.png) for held in maps._held.values()) <= 100
    assert maps.get("munich", "photo-9") is None


def a_map(image: str, pixels: bytes) -> PartAnomalyMap:
    """A map of a photo."""
    place = verdict(image).carried()
    return PartAnomalyMap(**place, image=image, version="v1", low=1.0, high=2.0, pixels=pixels, mediatype="image/png")


def test_fails_of_one_plant_are_not_anothers() -> None:
    """Two plants may use one id."""
    held = memory()
    held.take(verdict("same", failed=True))
    held.take(verdict("same", failed=True, plant="lyon", part="P2"))
    held.take(a_map("same", b"map"))
    assert [one.part for one in held.fails("lyon", 9)] == ["P2"]
    assert held.map("lyon", "same") is None
    assert held.map("munich", "same") is not None
    assert held.plants() == {"munich", "lyon"}


def test_a_fail_is_found_for_as_long_as_it_is_listed(monkeypatch: Any) -> None:
    """Many passes must not make the link of an older fail lead nowhere."""
    monkeypatch.setattr(module, "PARTS", 3)
    held = memory()
    held.take(fail := verdict("first", failed=True))
    for number in range(10):
        held.take(verdict(f"pass-{number}", at=START + timedelta(seconds=number)))
    assert held.verdict("munich", "first") == fail
    assert held.verdict("munich", "nowhere") is None


def test_a_label_is_the_word_it_follows_from() -> None:
    """The feedback and its label are read both: that is one word. The latest word comes first."""
    held = memory()
    of = verdict("photo", failed=True)
    first = word(of, "false_alarm", time=START)
    label = LabelledPart(
        **of.carried(), image="photo", label="good", finding="false_alarm", by=first.by, feedback=first.id,
        judged=first.judged, time=first.time,
    )  # fmt: skip
    second = word(of, "confirmed_damage", by="key:ada", time=START + timedelta(minutes=1))
    for event in (second, label, first):
        held.take(event)
    assert [one.by for one in held.words("munich", "photo")] == ["key:ada", "key:kim"]


def test_faults_in_force() -> None:
    """The latest word on each counts; one that was not repeated is over; the worst comes first."""
    held = memory()

    def fault(key: str, minutes: int, **more: Any) -> Fault:
        fields = {
            "key": key, "kind": "store_away", "state": "raised", "severity": "warning", "worker": "score",
            "instance": "1", "detail": key, "since": now(), "expires": now() + timedelta(minutes=minutes),
        }  # fmt: skip
        return Fault.model_validate(fields | more)

    late = fault("over", 5, state="cleared", expires=None, time=now() + timedelta(seconds=1))
    for event in (fault("a", 5), fault("b", 5, severity="critical"), fault("gone", -1), late, fault("over", 5)):
        held.take(event)
    assert [one.key for one in held.faults()] == ["b", "a"]


def test_changes_are_told_of_their_plant() -> None:
    """A pass changes lines, a fail the stream of fails too."""
    told: list[tuple[str, str | None]] = []
    held = memory(lambda topic, plant: told.append((topic, plant)))
    held.take(verdict("1"))
    held.take(verdict("2", failed=True))
    assert told == [("lines", "munich"), ("lines", "munich"), ("fails", "munich")]


@given(st.lists(st.floats(1, 150_000), min_size=1, max_size=50), st.sampled_from([0.5, 0.95]))
def test_quantiles_are_right_within_a_bin(latencies: list[float], share: float) -> None:
    """A tenth at most."""
    counts: Counter[int] = Counter(bin_of(one) for one in latencies)
    found = quantile([counts], share)
    exact = sorted(latencies)[max(0, -(-len(latencies) * int(share * 100) // 100) - 1)]
    assert found is not None
    assert exact / GROWTH <= found <= exact * GROWTH


def test_no_latency_of_a_camera_whose_clock_is_off() -> None:
    """It would say nothing."""
    held = memory()
    for number, timings in enumerate(({"capture_to_verdict": -5}, {"capture_to_verdict": 5, "clock_skew": 9e4}, {})):
        held.take(verdict(str(number), timings=timings))
    ((_, _, state),) = held.lines()
    assert state.minutes.window(START, 1).p95 is None


def test_a_verdict_that_pretends_to_be_of_the_future_hides_nothing() -> None:
    """Minutes are kept from the newest back: one from next year must not end them all."""
    held = memory()
    held.take(verdict("1", at=now()))
    held.take(verdict("2", at=now() + timedelta(days=365)))
    ((_, _, state),) = held.lines()
    assert state.minutes.window(now(), 10).photos == 2


def test_what_is_not_followed_is_passed_over() -> None:
    """Events of other types change nothing."""
    held = memory()
    held.take(a_map("x", b"").model_copy(update={"pixels": None}))
    assert isinstance(verdict("1"), Verdict)
    assert held.lines() == []
