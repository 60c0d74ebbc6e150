"""Kolmogorov-Smirnov distance between the score positions of trial and champion."""

from math import sqrt

from scipy.stats import ks_2samp, kstwobign

from services.rollout.measures.evidence import Floats


def largest_distance(trial: Floats, champion: Floats) -> float:
    """The largest difference between the two empirical distributions (Smirnov 1939).

    Args:
        trial: (n,) positions, n > 0.
        champion: (m,) likewise.
    """
    return float(ks_2samp(trial, champion, method="asymp").statistic)


def distance_chance(distance: float, *parts: int) -> float:
    """Probability of a distance as large as this where both come from one distribution.

    By Kolmogorov's limit distribution: for two samples its argument is the distance over the root of the sum of their
    inverse sizes. The held-out parts that positions are told by are samples as well and add theirs. The limit is on the
    safe side for small samples and for ties.

    Args:
        distance: as measured.
        parts: sizes of all samples: live ones and references.
    """
    return float(kstwobign.sf(distance / sqrt(sum(1 / size for size in parts))))
