"""What a count of labelled parts says about a share: one-sided Clopper-Pearson bounds (Clopper & Pearson 1934).

A `confidence` of 0 means the plain share throughout.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from training.metrics import Floats

MOST_PARTS = 2**40
"""More parts than anybody labels: where the search for a count ends."""


def precision_bound(damaged: ArrayLike, good: ArrayLike, confidence: float) -> Floats:
    """Lower bound of the share of damaged among stopped parts; 0 of none.

    Args:
        damaged: (N,) counts of stopped parts that are damaged.
        good: (N,) counts of stopped parts that are good.
        confidence: one-sided, 0 up to but not 1.
    """
    caught, stopped = np.asarray(damaged, dtype=np.float64), np.asarray(good, dtype=np.float64)
    if confidence == 0:
        total = caught + stopped
        return np.divide(caught, total, out=np.zeros_like(total), where=total > 0)
    low = stats.beta.ppf(1 - confidence, np.maximum(caught, 1), stopped + 1)
    return np.where(caught > 0, low, 0.0)


def share_upper_bound(count: int, total: int, confidence: float) -> float:
    """Upper bound of a share of which `count` of `total` were seen; 1 of none."""
    if total in (0, count):
        return 1.0
    return count / total if confidence == 0 else float(stats.beta.ppf(confidence, count + 1, total - count))


def damaged_needed(good: int, target: float, confidence: float) -> int:
    """How many stopped parts must be damaged, beside `good` ones that are not, for the bound to reach `target`."""

    def reached(damaged: int) -> bool:
        return bool(precision_bound([damaged], [good], confidence)[0] >= target)

    high = 1
    while not reached(high):
        high *= 2
        if high > MOST_PARTS:
            raise ValueError(f"no count of labelled parts reaches a precision of {target}")
    low = high // 2
    while high - low > 1:
        middle = math.ceil((low + high) / 2)
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
