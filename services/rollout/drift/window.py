"""The latest parts that one champion judged at one camera, in bounded memory."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

import numpy as np

from shared.events import Verdict
from shared.registry.place_key import FIELDS, WILDCARD
from shared.trials.measures.evidence import Bools, Floats

_SLACK: Final = 1.25
"""How far a window may outgrow its bound before it is cut: cutting sorts it."""


@dataclass(frozen=True, slots=True, order=True)
class Watched:
    """One champion at one camera. Each camera has a window of its own: in a common one, one of five would be lost.

    A part's layout makes no window of its own: it is a matter of the part, and what a version was held to at its
    calibration were all layouts that it judges.
    """

    key: str
    """Of the assignment."""
    version: str
    plant: str
    line: str
    station: str
    camera: str

    @classmethod
    def of(cls, verdict: Verdict) -> Self | None:
        """Where a verdict belongs; None where it says nothing of a champion at work.

        Left out are versions on trial, which the judge watches; shadows, which gate nothing; and a version that stands
        in for another, since not it is in force.
        """
        stamp = verdict.model
        if stamp is None or stamp.arm != "champion" or stamp.fallback is not None:
            return None
        return cls(stamp.assignment, stamp.version, verdict.plant, verdict.line, verdict.station, verdict.camera)

    @property
    def place(self) -> str:
        """As an assignment key of this camera alone."""
        return "/".join(WILDCARD if field == "layout" else str(getattr(self, field)) for field in FIELDS)


@dataclass(frozen=True, slots=True)
class Part:
    """What is kept of a verdict."""

    at: datetime
    passed: bool
    score: float | None
    distance: float | None


@dataclass(frozen=True, slots=True)
class Parts:
    """A window as arrays.

    Attributes:
        passed: (n,) bool.
        scores: (k,) float64 raw scores of those that passed.
        distances: (l,) float64 embedding distances of all that have one, rejected or not.
    """

    passed: Bools
    scores: Floats
    distances: Floats


class Window:
    """The latest parts by the time of their verdicts: at the start one partition is read after the other.

    Args:
        size: most parts kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._parts: list[Part] = []
        self.changed = True
        """Whether anything came or went since this was last set to False."""

    def __len__(self) -> int:
        return len(self._parts)

    def saw(self, verdict: Verdict) -> None:
        """Take a verdict in."""
        score = next((check.score for check in verdict.checks if check.name == "damage"), None)
        distance = None if verdict.model is None else verdict.model.embedding
        self._parts.append(Part(verdict.time, verdict.decision == "pass", score, distance))
        self.changed = True
        if len(self._parts) > self._size * _SLACK:
            self._cut()

    def forget(self, before: datetime) -> None:
        """Let go of parts from before this time, and of the oldest beyond the size."""
        kept = [part for part in self._parts if part.at >= before]
        self.changed = self.changed or len(kept) < len(self._parts)
        self._parts = kept
        self._cut()

    def parts(self) -> Parts:
        """All that is held."""
        return Parts(
            passed=np.array([part.passed for part in self._parts], np.bool_),
            scores=np.array([part.score for part in self._parts if part.passed and part.score is not None], np.float64),
            distances=np.array([part.distance for part in self._parts if part.distance is not None], np.float64),
        )

    def _cut(self) -> None:
        if len(self._parts) > self._size:
            self._parts = sorted(self._parts, key=lambda part: part.at)[-self._size :]
