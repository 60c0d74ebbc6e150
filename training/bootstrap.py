"""Uncertainty of a metric by resampling the parts it was measured on."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from shared.models.card import Interval
from training.metrics import Bools, Floats, checked

RESAMPLES: Final = 1000


def bootstrap_intervals(
    metrics: Callable[[Floats, Bools], Mapping[str, float]],
    scores: ArrayLike,
    damaged: ArrayLike,
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """Percentile intervals of every metric, resampling good and damaged parts apart (Efron & Tibshirani 1993, ch. 13).

    Within-label resampling keeps the share of damage, which precision depends on. A percentile interval of a perfect
    metric has no width: resampling cannot show parts unlike any that were measured, so read it with the part counts.

    Args:
        metrics: maps scores (N,) and labels (N,) to named figures.
        scores: (N,) float.
        damaged: (N,) bool; both labels present.
        seed: of the resampling.
        confidence: two-sided.
        resamples: how many.
    """
    values, positive = checked(scores, damaged)
    rng = np.random.default_rng(seed)
    good, bad = values[~positive], values[positive]
    labels = np.repeat([False, True], [len(good), len(bad)])
    draws: dict[str, list[float]] = {}
    for _ in range(resamples):
        drawn = np.concatenate([rng.choice(good, len(good)), rng.choice(bad, len(bad))])
        for name, value in metrics(drawn, labels).items():
            draws.setdefault(name, []).append(value)
    tail = (1 - confidence) / 2
    return {
        name: Interval(low=float(low), high=float(high), confidence=confidence)
        for name, drawn in draws.items()
        for low, high in [np.quantile(drawn, [tail, 1 - tail])]
    }
