"""Population stability index between the score positions of trial and champion."""

import numpy as np
from scipy.special import chdtrc

from shared.trials.measures.evidence import Floats

BINS = 10
PRIOR = 0.5
"""Added to each bin (Jeffreys), so that an empty one does not make the index infinite."""


def stability_index(trial: Floats, champion: Floats) -> float:
    """Sum over ten equal bins of (t - c) ln(t / c), t and c being the shares of both in the bin.

    The symmetrised Kullback-Leibler divergence of the two histograms (Kullback and Leibler 1951); the name and the
    ten bins are the custom of credit scoring.

    Args:
        trial: (n,) positions in [0, 1], n > 0.
        champion: (m,) likewise.
    """
    shares = [_shares(sample) for sample in (trial, champion)]
    return float(np.sum((shares[0] - shares[1]) * np.log(shares[0] / shares[1])))


def stability_chance(index: float, *parts: int) -> float:
    """Probability of an index as large as this where both come from one distribution.

    The index over the sum of the inverse sample sizes is about chi-squared with BINS - 1 degrees of freedom (Yurdakul
    and Naranjo, Journal of Risk Model Validation 14, 2020). The held-out parts that positions are told by are samples
    as well and add their inverse sizes.

    Args:
        index: as measured.
        parts: sizes of all samples: live ones and references.
    """
    return float(chdtrc(BINS - 1, index / sum(1 / size for size in parts)))


def _shares(sample: Floats) -> Floats:
    counts, _ = np.histogram(sample, BINS, (0.0, 1.0))
    return (counts + PRIOR) / (len(sample) + BINS * PRIOR)
