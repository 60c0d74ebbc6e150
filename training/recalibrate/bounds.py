"""What a count of labelled parts says about a share: one-sided Clopper-Pearson bounds (Clopper & Pearson 1934).

A `confidence` of 0 means the plain share throughout.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from training.metrics import Floats


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


def damaged_needed(good: ArrayLike, target: float, confidence: float) -> NDArray[np.int64]:
    """How many stopped parts must be damaged, beside `good` ones that are not, for the bound to reach `target`, (N,).

    Args:
        good: (N,) counts.
        target: below 1.
        confidence: as above.
    """
    stopped = np.asarray(good, dtype=np.int64)
    low, high = np.zeros_like(stopped), np.ones_like(stopped)
    while (short := precision_bound(high, stopped, confidence) < target).any():
        low = np.where(short, high, low)
        high = np.where(short, 2 * high, high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        reached = (precision_bound(middle, stopped, confidence) >= target) & (middle > 0)
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return high
