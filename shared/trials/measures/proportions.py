"""One-sided lower confidence bounds of a share, and of the difference of two shares."""

from math import sqrt

from scipy.optimize import brentq
from scipy.special import betaincinv, ndtri
from scipy.stats import binomtest


def share_at_least(hits: int, parts: int, confidence: float) -> float:
    """Clopper and Pearson's exact lower bound of a share (Biometrika 26, 1934): never too high for any share.

    Args:
        hits: of `parts`.
        parts: at least 1.
        confidence: one-sided, e.g. 0.99.
    """
    # Of the beta distribution; binomtest would search for it.
    return 0.0 if hits == 0 else float(betaincinv(hits, parts - hits + 1, 1 - confidence))


def rise_at_least(trial: tuple[int, int], champion: tuple[int, int], confidence: float) -> float:
    """Lower bound of the trial's share minus the champion's, on different parts.

    Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, pp. 873-890, method 10), one-sided.

    Args:
        trial: hits and parts; at least one part.
        champion: likewise.
        confidence: one-sided, e.g. 0.99.
    """
    (trial_hits, trial_parts), (champion_hits, champion_parts) = trial, champion
    share, other = trial_hits / trial_parts, champion_hits / champion_parts
    low = binomtest(trial_hits, trial_parts, alternative="greater").proportion_ci(confidence, method="wilson").low
    high = binomtest(champion_hits, champion_parts, alternative="less").proportion_ci(confidence, method="wilson").high
    return float(share - other - sqrt((share - low) ** 2 + (high - other) ** 2))


def paired_rise_at_least(only_trial: int, only_champion: int, parts: int, confidence: float) -> float:
    """Lower bound of the trial's share minus the champion's, on the same parts.

    Tango's score interval (Statistics in Medicine 17, 1998, pp. 891-908), one-sided: the score test of McNemar's
    setting turned round. Parts on which both agree say nothing of the difference, only of its spread.

    Args:
        only_trial: parts that the trial alone has a hit on.
        only_champion: parts that the champion alone has a hit on.
        parts: that both have an opinion on; at least 1.
        confidence: one-sided, e.g. 0.99.
    """
    z = float(ndtri(confidence))

    def beyond(rise: float) -> float:
        """Positive where `rise` is too small to have led to what was seen."""
        # The share of `only_champion` that is most likely under `rise`: the greater root of a quadratic.
        linear = -only_trial - only_champion + (2 * parts - only_trial + only_champion) * rise
        root = sqrt(max(0.0, linear**2 + 8 * parts * only_champion * rise * (1 - rise)))
        share = (root - linear) / (4 * parts)
        spread = sqrt(parts * max(0.0, 2 * share + rise * (1 - rise)))
        return only_trial - only_champion - parts * rise - z * spread

    seen = (only_trial - only_champion) / parts
    if beyond(-1.0) <= 0:
        return -1.0
    # Just below what was seen: at 1 the equation has a second root, which is no bound.
    return float(brentq(beyond, -1.0, seen - 1e-9))
