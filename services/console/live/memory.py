"""All that is kept of the present: bounded, and the same in whatever order events came."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from services.console.live.changes import Topic
from services.console.live.minutes import Minutes
from services.console.live.newest import Newest, Recent
from services.console.live.pictures import HeldMap, MapMemory
from shared.events import (
    AlertChanged,
    Event,
    Fault,
    Feedback,
    LabelledPart,
    PartAnomalyMap,
    Verdict,
    now,
)

FAILS: Final = 500
"""Of each plant."""
PASSES: Final = 200
PLANTS: Final = 64
LINES: Final = 512
PARTS: Final = 20_000
PART_VERDICTS: Final = 20
WORDS: Final = 5_000
"""Photos whose feedback is kept."""
FAULTS: Final = 500
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
Tell = Callable[[Topic, str | None], None]


@dataclass(slots=True)
class LineState:
    """One line of a plant."""

    minutes: Minutes
    latest: Verdict | None = None
    fail: Verdict | None = None
    """The latest that failed."""
    first: datetime | None = None
    """When the first verdict that is known was given."""


@dataclass(slots=True)
class PlantState:
    """One plant."""

    fails: Newest[Verdict] = field(default_factory=lambda: Newest(FAILS, _verdict_order))
    passes: Newest[Verdict] = field(default_factory=lambda: Newest(PASSES, _verdict_order))


class Memory:
    """Takes events and answers what is shown. Thread-safe.

    Args:
        history: how far back minutes are counted.
        map_bytes: of the anomaly maps that are kept.
        tell: called with what changed, and at which plant.
    """

    def __init__(self, *, history: timedelta, map_bytes: int, tell: Tell) -> None:
        self._lock: Final = threading.RLock()
        self._tell: Final = tell
        kept = int(history / timedelta(minutes=1)) + 1
        self._plants: Final[Recent[str, PlantState]] = Recent(PLANTS, PlantState)
        self._lines: Final[Recent[tuple[str, str], LineState]] = Recent(LINES, lambda: LineState(Minutes(kept)))
        self._parts: Final[Recent[tuple[str, str], Newest[Verdict]]] = Recent(
            PARTS, lambda: Newest(PART_VERDICTS, _verdict_order)
        )
        self._images: Final[Recent[tuple[str, str], Verdict | None]] = Recent(PARTS, lambda: None)
        self._words: Final[Recent[tuple[str, str], Newest[Feedback | LabelledPart]]] = Recent(
            WORDS, lambda: Newest(10, lambda word: (word.time, _word_of(word)))
        )
        self._faults: Final[Recent[str, Fault | None]] = Recent(FAULTS, lambda: None)
        self._maps: Final = MapMemory(map_bytes)

    def take(self, event: Event) -> None:
        """Remember an event."""
        takers: dict[type[Event], Callable[[Any], None]] = {
            Verdict: self._take_verdict,
            PartAnomalyMap: self._take_map,
            Feedback: self._take_word,
            LabelledPart: self._take_word,
            Fault: self._take_fault,
            AlertChanged: lambda change: self._tell("alerts", change.plant),
        }
        taker = takers.get(type(event))
        if taker is not None:
            with self._lock:
                taker(event)

    def take_dead_letter(self, plant: str | None, line: str | None, at: datetime) -> None:
        """A photo could not be judged."""
        if not (plant and line and _SLUG.fullmatch(plant) and _SLUG.fullmatch(line)):
            return
        with self._lock:
            self._lines.touch((plant, line)).minutes.count(min(at, now()), dead=True)
            self._tell("lines", plant)

    def plants(self) -> set[str]:
        """Every plant of which a verdict is known."""
        with self._lock:
            return set(self._plants)

    def lines(self) -> list[tuple[str, str, LineState]]:
        """Every line, by plant and name. Read it under `reading`."""
        return [(plant, line, state) for (plant, line), state in sorted(self._lines.items(), key=lambda one: one[0])]

    def reading(self) -> "threading.RLock":
        """Held while what `lines` answers is read."""
        return self._lock

    def fails(self, plant: str, count: int) -> list[Verdict]:
        """The latest fails of a plant, newest first."""
        return self._some(plant, "fails", count)

    def passes(self, plant: str, count: int) -> list[Verdict]:
        """The latest passes of a plant, newest first."""
        return self._some(plant, "passes", count)

    def verdict(self, plant: str, image: str) -> Verdict | None:
        """The verdict on a photo, if it is remembered."""
        with self._lock:
            found = self._images.get((plant, image))
            state = self._plants.get(plant)
            if found is None and state is not None:
                # A fail is shown for longer than every photo is remembered.
                found = next((one for kept in (state.fails, state.passes) for one in kept if one.image == image), None)
            return found

    def history(self, plant: str, part: str) -> list[Verdict]:
        """What is remembered of a part, newest first."""
        with self._lock:
            return list(self._parts.get((plant, part)) or ())

    def map(self, plant: str, image: str) -> HeldMap | None:
        """The anomaly map of a photo, if it is remembered."""
        with self._lock:
            return self._maps.get(plant, image)

    def words(self, plant: str, image: str) -> list[Feedback | LabelledPart]:
        """What people said of a photo, the latest first."""
        with self._lock:
            return list(self._words.get((plant, image)) or ())

    def faults(self) -> list[Fault]:
        """What is amiss now, the worst first."""
        at = now()
        with self._lock:
            held = [fault for _, fault in self._faults.items() if fault is not None]
        in_force = [fault for fault in held if fault.expires is not None and fault.expires > at]
        order = {"critical": 0, "error": 1, "warning": 2}
        return sorted(in_force, key=lambda fault: (order[fault.severity], fault.since))

    def _some(self, plant: str, which: str, count: int) -> list[Verdict]:
        with self._lock:
            state = self._plants.get(plant)
            if state is None:
                return []
            kept = state.fails if which == "fails" else state.passes
            return [verdict for verdict, _ in zip(kept, range(count), strict=False)]

    def _take_verdict(self, verdict: Verdict) -> None:
        plant = verdict.plant
        if self._images.get((plant, verdict.image)) is not None:
            return  # a photo that was sent twice is one photo
        line = self._lines.touch((plant, verdict.line))
        line.minutes.count(min(verdict.time, now()), failed=verdict.decision == "fail", latency_ms=latency(verdict))
        if line.latest is None or _verdict_order(verdict) > _verdict_order(line.latest):
            line.latest = verdict
        if verdict.decision == "fail" and (line.fail is None or _verdict_order(verdict) > _verdict_order(line.fail)):
            line.fail = verdict
        if line.first is None or verdict.time < line.first:
            line.first = verdict.time
        state = self._plants.touch(plant)
        (state.fails if verdict.decision == "fail" else state.passes).add(verdict)
        self._parts.touch((plant, verdict.part)).add(verdict)
        self._images.put((plant, verdict.image), verdict)
        self._tell("lines", plant)
        if verdict.decision == "fail":
            self._tell("fails", plant)

    def _take_map(self, event: PartAnomalyMap) -> None:
        self._maps.put(event)
        self._tell("fails", event.plant)

    def _take_word(self, word: Feedback | LabelledPart) -> None:
        self._words.touch((word.plant, word.image)).add(word)
        self._tell("fails", word.plant)

    def _take_fault(self, fault: Fault) -> None:
        held = self._faults.get(fault.key)
        if held is None or fault.time >= held.time:
            self._faults.put(fault.key, fault)
        self._tell("health", fault.plant)


def latency(verdict: Verdict) -> float | None:
    """From shutter to verdict in milliseconds; None where the camera's clock is off."""
    timings = verdict.timings
    if timings.clock_skew is not None or timings.capture_to_verdict is None or timings.capture_to_verdict < 0:
        return None
    return timings.capture_to_verdict


def _verdict_order(verdict: Verdict) -> tuple[datetime, str]:
    return verdict.time, verdict.image


def _word_of(word: Feedback | LabelledPart) -> str:
    # A label follows from a feedback and says the same: it is that word once more.
    return word.feedback if isinstance(word, LabelledPart) else word.id
