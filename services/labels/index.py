"""The latest verdicts by plant and photo, in memory and bounded: what feedback without its verdict is joined with.

What is kept per verdict is small, since one operator may come back to a part days later. What many verdicts have in
common (place, model, threshold) is kept once.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeVar

from shared.events import Judged, JudgedModel, Outcome, Place, Verdict

MOST_SHARED: Final = 10_000
"""Distinct places, or models, that are kept once; beyond that they are forgotten and shared anew."""
T = TypeVar("T", bound=tuple[object, ...])


@dataclass(frozen=True, slots=True)
class Known:
    """A photo's gating verdict."""

    part: str
    place: Place
    captured: datetime
    judged: Judged


class _Model(NamedTuple):
    version: str
    digest: str
    arm: Literal["champion", "canary"]
    assignment: str
    threshold: float


class _Place(NamedTuple):
    plant: str
    line: str
    station: str
    layout: str
    camera: Literal["stationary", "mobile"]


class _Entry(NamedTuple):
    part: str
    place: _Place
    captured: datetime
    decision: Outcome
    model: _Model | None
    score: float


class VerdictIndex:
    """Thread-safe.

    Args:
        capacity: how many verdicts are kept; the oldest go first.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._shared: dict[tuple[object, ...], tuple[object, ...]] = {}

    def put(self, verdict: Verdict) -> None:
        """Keep a gating verdict; a later one on the same photo replaces it.

        Raises:
            ValueError: it is a shadow's.
        """
        judged = Judged.of(verdict)
        place = _Place(verdict.plant, verdict.line, verdict.station, verdict.layout, verdict.camera)
        model, score = None, 0.0
        if judged.model is not None:
            said = judged.model
            model = _Model(said.version, said.digest, said.arm, said.assignment, said.threshold)
            score = said.score
        with self._lock:
            model = None if model is None else self._once(model)
            entry = _Entry(verdict.part, self._once(place), verdict.captured, judged.decision, model, score)
            key = _key(verdict.plant, verdict.image)
            self._entries[key] = entry
            self._entries.move_to_end(key)
            if len(self._entries) > self._capacity:
                self._entries.popitem(last=False)

    def find(self, plant: str, image: str) -> Known | None:
        """The verdict on a photo of a plant; None where it is not kept."""
        with self._lock:
            entry = self._entries.get(_key(plant, image))
        if entry is None:
            return None
        model = None if entry.model is None else JudgedModel(**entry.model._asdict(), score=entry.score)
        judged = Judged(decision=entry.decision, model=model)
        return Known(entry.part, Place(**entry.place._asdict()), entry.captured, judged)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def _once(self, value: T) -> T:
        if len(self._shared) > MOST_SHARED:
            self._shared.clear()
        return self._shared.setdefault(value, value)  # type: ignore[return-value]  # equal tuples are of one type


def _key(plant: str, image: str) -> str:
    # A plant's name holds no slash.
    return f"{plant}/{image}"
