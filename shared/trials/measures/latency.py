"""Is the trial much slower than the champion?"""

import numpy as np
from scipy.special import bdtrc

from shared.registry.guard import Guard
from shared.trials.measures.evidence import Evidence, Floats
from shared.trials.measures.measure import Measure
from shared.trials.measures.reject_rise import too_few

QUANTILE = 0.99


def latency_ratio(evidence: Evidence, guard: Guard) -> Measure:
    """99th percentile of the trial's own time over the champion's; the trial's lower bound is held against the limit.

    One slow part among a hundred is no slow model: the bound says from how many on it is one.
    """
    limit = guard.max_latency_ratio
    if limit is None:
        return Measure("latency_ratio", None, told="not looked at")
    trial, champion = evidence.trial.model_ms, evidence.champion.model_ms
    parts = len(trial), len(champion)
    few = too_few(*parts, guard.min_parts)
    if few is not None:
        return Measure("latency_ratio", limit, trial_parts=parts[0], champion_parts=parts[1], told=f"timed: {few}")
    usual = float(np.quantile(champion, QUANTILE, method="higher"))
    if usual <= 0:
        told = "the champion's time is told as 0 ms"
        return Measure("latency_ratio", limit, trial_parts=parts[0], champion_parts=parts[1], told=told)
    slow = float(np.quantile(trial, QUANTILE, method="higher"))
    held = quantile_at_least(trial, QUANTILE, guard.confidence) / usual
    told = f"p99 {slow:.3g} ms beside {usual:.3g} ms (an order statistic's bound at {guard.confidence:.5g})"
    return Measure("latency_ratio", limit, slow / usual, held, held > limit, *parts, told)


def quantile_at_least(times: Floats, quantile: float, confidence: float) -> float:
    """A lower confidence bound of a quantile that needs no assumption on the distribution: an order statistic.

    The r-th smallest of n is not above the quantile with probability P(Binomial(n, quantile) >= r) (David and Nagaraja,
    Order Statistics, section 7.1); the largest such r is taken.

    Args:
        times: (n,) any order, n > 0.
        quantile: e.g. 0.99.
        confidence: one-sided, e.g. 0.99.

    Returns:
        The bound; 0 where so few times say nothing.
    """
    ordered = np.sort(times)
    ranks = np.arange(1, len(ordered) + 1)
    sure = ranks[bdtrc(ranks - 1.0, len(ordered), quantile) >= confidence]
    return float(ordered[sure[-1] - 1]) if len(sure) else 0.0
