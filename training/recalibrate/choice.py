"""Choose a threshold by what people found about parts that it judged. Pure.

Feedback is no random sample. Nearly all labels are of *rejected* parts, so at and above the present threshold they
tell its precision, as far as those looked at stand for all that were rejected. Of parts that passed only some are
looked at, and a mixture of both would show a precision that no line ever sees. So the threshold may fall only where

- somebody vouches that the passed parts that were looked at were picked by chance, and not because something was
  wrong with them: no label tells that; and at least `AUDITED` of them proved good, some as low as the new threshold;
- precision reaches the target above the present threshold *and*, by itself, between the two. Precision of both
  together lies between the two, however large either share is among all parts.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from shared.errors import LinegateError
from training.metrics import Bools, Floats
from training.recalibrate.bounds import damaged_needed, precision_bound, share_upper_bound

AUDITED: Final = 10
"""Passed parts that must have proved good before a threshold falls: fewer are no audit."""


class RecalibrationRejected(LinegateError):
    """No threshold can be chosen from these labels."""


@dataclass(frozen=True, slots=True)
class Point:
    """What the labels say of one threshold."""

    threshold: float
    caught: int
    """Damaged labelled parts that reach it."""
    stopped: int
    """Good ones that do."""
    bound: float
    """Lower bound of precision; of a threshold below the present one, that of its weaker share."""

    @property
    def precision(self) -> float:
        """Share of damaged among the labelled parts that reach it; 0 of none."""
        return self.caught / (self.caught + self.stopped) if self.caught else 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What was asked, what there is, and what was chosen."""

    target: float
    confidence: float
    present: Point
    chosen: Point | None
    """None where no threshold reaches the target."""
    nearest: Point
    """The threshold with damage above it that lacks the fewest further labels; where one was chosen, that one."""
    lacking: int
    """So many more damaged parts, and no good one, must reach `nearest`; 0 where one was chosen."""
    damaged: int
    """Labelled damaged parts at or above the present threshold."""
    lost: int
    """Of these, how many the chosen threshold lets pass."""
    lost_bound: float
    """Upper bound of that share among all damaged parts that are stopped now."""
    missed: int
    """Labelled damaged parts that passed, below the present threshold."""
    regained: int
    """Of these, how many the chosen threshold stops."""
    passed_good: int
    """Labelled good parts that passed."""
    may_fall: bool
    """Whether thresholds below the present one were looked at."""


def choose(
    scores: ArrayLike, damaged: ArrayLike, *, present: float, target: float, confidence: float, audited: bool = False
) -> Choice:
    """The lowest threshold, which catches the most, whose precision has a lower bound at `target`.

    The bound is of each threshold by itself; the lowest of many that reach it is a little optimistic.

    Args:
        scores: (N,) raw scores of labelled parts that the version judged, in any order.
        damaged: (N,) their true labels.
        present: the version's threshold.
        target: precision, above 0 and below 1.
        confidence: one-sided; 0 takes the plain share instead of its bound.
        audited: whether the labelled parts that passed were picked by chance.

    Raises:
        RecalibrationRejected: target or confidence out of range, or a score that is not finite.
    """
    if not 0 < target < 1:
        raise RecalibrationRejected(f"a precision lies above 0 and below 1, got {target:g}")
    if not 0 <= confidence < 1:
        raise RecalibrationRejected(f"a confidence lies from 0 and below 1, got {confidence:g}")
    values, bad = np.asarray(scores, dtype=np.float64), np.asarray(damaged, dtype=np.bool_)
    if values.shape != bad.shape or values.ndim != 1:
        raise ValueError(f"scores {values.shape} and labels {bad.shape} must be equally long vectors")
    if not np.isfinite(values).all():
        raise RecalibrationRejected("a labelled part's score is not finite")
    rejected = values >= present
    above = _points(values[rejected], bad[rejected], confidence, lowest=present)
    now = above[0]
    passed_good = int((~rejected & ~bad).sum())
    may_fall = audited and passed_good >= AUDITED
    below = _below(values[~rejected], bad[~rejected], now, confidence) if may_fall else []
    reaching = [point for point in (*below, *above) if point.bound >= target and point.caught]
    chosen = min(reaching, key=lambda point: point.threshold, default=None)
    nearest, lacking = _nearest(above, target, confidence) if chosen is None else (chosen, 0)
    threshold = present if chosen is None else chosen.threshold
    lost = int((bad & rejected & (values < threshold)).sum())
    total = int((bad & rejected).sum())
    return Choice(
        target=target,
        confidence=confidence,
        present=now,
        chosen=chosen,
        nearest=nearest,
        lacking=lacking,
        damaged=total,
        lost=lost,
        lost_bound=0.0 if threshold <= present else share_upper_bound(lost, total, confidence),
        missed=int((bad & ~rejected).sum()),
        regained=int((bad & ~rejected & (values >= threshold)).sum()),
        passed_good=passed_good,
        may_fall=may_fall,
    )


def _points(values: Floats, bad: Bools, confidence: float, *, lowest: float) -> list[Point]:
    """Every distinct decision at or above `lowest`, which is the first; none stops nothing, where there are labels."""
    distinct, caught, stopped = _counts(values, bad)
    if not len(distinct):
        return [Point(lowest, 0, 0, 0.0)]
    # Midway to the next lower score, so that a last digit that differs on another machine flips no verdict.
    thresholds = [lowest, *(_between(low, high) for low, high in pairwise(distinct))]
    bounds = precision_bound(caught, stopped, confidence)
    rows = zip(thresholds, caught, stopped, bounds, strict=True)
    return [Point(float(t), int(c), int(s), float(b)) for t, c, s, b in rows]


def _below(values: Floats, bad: Bools, now: Point, confidence: float) -> list[Point]:
    """Thresholds below the present one, down to the lowest score of a part that proved good."""
    distinct, caught, stopped = _counts(values, bad)
    audited_from = values[~bad].min()
    bounds = np.minimum(now.bound, precision_bound(caught, stopped, confidence))
    points = []
    for index, score in enumerate(distinct):
        if score < audited_from:
            continue
        threshold = _between(distinct[index - 1], score) if index else float(score)
        both = (now.caught + int(caught[index]), now.stopped + int(stopped[index]))
        points.append(Point(threshold, *both, float(bounds[index])))
    return points


def _counts(values: Floats, bad: Bools) -> tuple[Floats, Floats, Floats]:
    """Distinct scores, ascending, and how many damaged and good parts are at or above each."""
    distinct, place = np.unique(values, return_inverse=True)
    damaged = np.bincount(place, weights=bad, minlength=len(distinct))
    good = np.bincount(place, weights=~bad, minlength=len(distinct))
    return distinct, damaged[::-1].cumsum()[::-1], good[::-1].cumsum()[::-1]


def _nearest(points: list[Point], target: float, confidence: float) -> tuple[Point, int]:
    # Far above all damage a few labels would do, and no part will ever lie there: only where damage was found.
    near = [point for point in points if point.caught] or points
    wanted = damaged_needed([point.stopped for point in near], target, confidence)
    lacking = wanted - np.asarray([point.caught for point in near])
    best = int(lacking.argmin())  # the first, which is the lowest threshold
    return near[best], int(lacking[best])


def _between(low: float, high: float) -> float:
    """Midway, but never `low` itself, which must pass."""
    middle = float(low + (high - low) / 2)
    return middle if low < middle <= high else float(high)
