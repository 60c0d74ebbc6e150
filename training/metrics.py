"""How well scores tell damaged from good parts. Damaged is the positive class; a part fails where score >= threshold.

All functions take `scores`, (N,) float, and `damaged`, (N,) bool, with at least one part of each label. Everything
follows from one sort (`OperatingPoints`), since the bootstrap asks a thousand times.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

PRECISION_TARGETS: Final = (0.996, 0.95, 0.90)
"""The precisions at which the study reports recall; 0.996 was its plant's requirement."""


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Every distinct decision a threshold can make, strictest first; the first point fails nothing.

    Attributes:
        thresholds: (P,) float64, descending; the first is +inf, the others are the distinct scores.
        caught: (P,) int64, damaged parts that fail (true positives).
        stopped: (P,) int64, good parts that fail (false positives).
        damaged: damaged parts in all.
        good: good parts in all.
    """

    thresholds: Floats
    caught: NDArray[np.int64]
    stopped: NDArray[np.int64]
    damaged: int
    good: int

    @property
    def recall(self) -> Floats:
        """Share of damaged parts that fail, (P,)."""
        return self.caught / self.damaged

    @property
    def false_alarm_rate(self) -> Floats:
        """Share of good parts that fail, (P,)."""
        return self.stopped / self.good

    @property
    def precision(self) -> Floats:
        """Share of failed parts that are damaged, (P,); 1 where nothing fails."""
        failed = self.caught + self.stopped
        precision: Floats = np.divide(self.caught, failed, out=np.ones(len(failed)), where=failed > 0)
        return precision


def operating_points(scores: ArrayLike, damaged: ArrayLike) -> OperatingPoints:
    """Sort once, count cumulatively; equal scores are one point, since no threshold can part them.

    Raises:
        ValueError: the arrays differ in length, a score is not finite, or a label is absent.
    """
    values, positive = checked(scores, damaged)
    order = np.argsort(-values, kind="stable")
    values, positive = values[order], positive[order]
    last_of_ties = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    caught = np.cumsum(positive)[last_of_ties]
    return OperatingPoints(
        thresholds=np.concatenate([[np.inf], values[last_of_ties]]),
        caught=np.concatenate([[0], caught]).astype(np.int64),
        stopped=np.concatenate([[0], last_of_ties + 1 - caught]).astype(np.int64),
        damaged=int(positive.sum()),
        good=int((~positive).sum()),
    )


def checked(scores: ArrayLike, damaged: ArrayLike) -> tuple[Floats, Bools]:
    """The arguments as arrays.

    Raises:
        ValueError: the arrays differ in length, a score is not finite, or a label is absent.
    """
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(damaged, dtype=np.bool_)
    if values.ndim != 1 or values.shape != positive.shape:
        raise ValueError(f"scores {values.shape} and labels {positive.shape} must be equally long vectors")
    if not np.isfinite(values).all():
        raise ValueError("a score is not finite")
    if not positive.any() or positive.all():
        raise ValueError("both good and damaged parts are needed")
    return values, positive


def auroc(points: OperatingPoints) -> float:
    """Chance that a damaged part scores above a good one, ties counting half: the area under the ROC curve."""
    return float(np.trapezoid(points.recall, points.false_alarm_rate))


def average_precision(points: OperatingPoints) -> float:
    """Area under the precision-recall step curve: the precision at each point, weighted by the recall it adds."""
    return float(np.sum(np.diff(points.recall) * points.precision[1:]))


def best_f1(points: OperatingPoints) -> tuple[float, float]:
    """The greatest F1 any threshold reaches, and the strictest such threshold. Optimistic: chosen on what it judges."""
    f1 = 2 * points.caught / (points.caught + points.stopped + points.damaged)
    best = int(f1.argmax())
    return float(f1[best]), float(points.thresholds[best])


def recall_at_precision(points: OperatingPoints, target: float) -> float:
    """The greatest recall among thresholds whose precision is at least `target`; 0 when none that fails a part is."""
    reached = (points.precision >= target) & (points.caught > 0)
    return float(points.recall[reached].max(initial=0.0))


@dataclass(frozen=True, slots=True)
class Confusion:
    """What a threshold decides."""

    caught: int
    """Damaged parts that fail."""
    missed: int
    """Damaged parts that pass."""
    stopped: int
    """Good parts that fail."""
    passed: int
    """Good parts that pass."""

    @property
    def precision(self) -> float:
        """Share of failed parts that are damaged; 1 where nothing fails."""
        failed = self.caught + self.stopped
        return self.caught / failed if failed else 1.0

    @property
    def recall(self) -> float:
        """Share of damaged parts that fail; 0 where there are none."""
        damaged = self.caught + self.missed
        return self.caught / damaged if damaged else 0.0

    @property
    def false_alarm_rate(self) -> float:
        """Share of good parts that fail; 0 where there are none."""
        good = self.stopped + self.passed
        return self.stopped / good if good else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where nothing is caught."""
        total = 2 * self.caught + self.stopped + self.missed
        return 2 * self.caught / total if total else 0.0


def confusion(scores: ArrayLike, damaged: ArrayLike, threshold: float) -> Confusion:
    """Count the decisions `score >= threshold`. Works with one label absent."""
    fails, positive = np.asarray(scores) >= threshold, np.asarray(damaged, dtype=np.bool_)
    return Confusion(
        caught=int((fails & positive).sum()),
        missed=int((~fails & positive).sum()),
        stopped=int((fails & ~positive).sum()),
        passed=int((~fails & ~positive).sum()),
    )


def image_metrics(scores: ArrayLike, damaged: ArrayLike) -> Mapping[str, float]:
    """The study's image-level figures by name, which need no threshold chosen beforehand."""
    points = operating_points(scores, damaged)
    return {
        "auroc": auroc(points),
        "average_precision": average_precision(points),
        "f1": best_f1(points)[0],
        **{f"recall_at_precision_{target:g}": recall_at_precision(points, target) for target in PRECISION_TARGETS},
    }
