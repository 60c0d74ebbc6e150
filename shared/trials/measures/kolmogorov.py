"""Kolmogorov-Smirnov distance between the score positions of trial and champion."""

from math import sqrt

import numpy as np
from scipy.special import kolmogorov

from shared.trials.measures.evidence import Floats


def largest_distance(trial: Floats, champion: Floats) -> float:
    """The largest difference between the two empirical distributions (Smirnov 1939).

    Args:
        trial: (n,) positions, n > 0.
        champion: (m,) likewise.
    """
    # Not scipy's ks_2samp: it computes a chance as well, one that knows nothing of the references.
    seen = np.concatenate((trial, champion))
    shares = [np.searchsorted(np.sort(sample), seen, side="right") / len(sample) for sample in (trial, champion)]
    return float(np.max(np.abs(shares[0] - shares[1])))


def distance_chance(distance: float, *parts: int) -> float:
    """Probability of a distance as large as this where both come from one distribution.

    By Kolmogorov's limit distribution: for two samples its argument is the distance over the root of the sum of their
    inverse sizes. The held-out parts that positions are told by are samples as well and add theirs. The limit is on the
    safe side for small samples and for ties.

    Args:
        distance: as measured.
        parts: sizes of all samples: live ones and references.
    """
    return float(kolmogorov(distance / sqrt(sum(1 / size for size in parts))))
