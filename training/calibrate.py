"""Set the threshold of a model from held-out parts, and say what to expect of it.

Only scores of parts that the model did not train on may come in here: a training image lies on its own memory, so
its score says nothing about the next part.

The default rule is `precision` where at least `ENOUGH_DAMAGED` damaged calibration parts are labelled, since then the
trade between missed damage and stopped good parts is measured rather than assumed; otherwise `mean_sd`, which of the
good-only rules is the one whose false alarms spread least from draw to draw at about 50 parts.

The expected false alarm rate assumes no shape of the scores. With r of n held-out good parts at or above the
threshold, the rate of a threshold at an order statistic follows a beta distribution (David & Nagaraja, Order
Statistics, section 2.3), so the Clopper-Pearson interval of r out of n contains it; the point estimate is (r + 1) /
(n + 1) for rules that pick an order statistic and (r + 1/2) / (n + 1) for rules that fit a curve and so may leave r
= 0 by design. Both err upwards: a simulation in the tests holds them to it.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from shared.errors import LinegateError
from shared.models.card import Calibration, Interval, ThresholdRule
from shared.models.quantiles import kept
from training.metrics import Floats, OperatingPoints, operating_points

ENOUGH_DAMAGED: Final = 20
"""Labelled damaged calibration parts from which `precision` is the default rule."""
ENOUGH_GOOD: Final = 50
"""Good calibration parts below which a warning says that the threshold is a guess."""
LEAST_GOOD: Final = 5
OUTLIER: Final = 8.0
"""Robust standard deviations above the median from which one good part is worth a second look."""
PARAMETERS: Final[Mapping[ThresholdRule, float]] = {"precision": 0.95, "mean_sd": 3.0, "gumbel": 0.99, "quantile": 0.99}
"""Default number of each rule that has one."""


class CalibrationRejected(LinegateError):
    """No threshold can be set from these scores by this rule."""


def calibrate(
    good: ArrayLike,
    damaged: ArrayLike = (),
    *,
    rule: ThresholdRule | None = None,
    parameter: float | None = None,
) -> Calibration:
    """Choose a threshold from raw scores of held-out parts.

    Args:
        good: (N,) scores of good parts that were not trained on. For `author`, of the evaluated set.
        damaged: (M,) scores of damaged parts, may be empty. Used by `precision` and `author` only.
        rule: None chooses by the number of damaged parts, see the module.
        parameter: the rule's number (precision target, k, quantile, or for `manual` the threshold itself).

    Raises:
        CalibrationRejected: too few parts, a number out of range, or a precision that no threshold reaches.
    """
    fine, bad = _scores(good, "good"), _scores(damaged, "damaged")
    warnings: list[str] = []
    if rule is None:
        rule, reason = _default(fine, bad, parameter)
        warnings += reason
    if len(fine) < LEAST_GOOD and rule != "manual":
        raise CalibrationRejected(
            f"{len(fine)} held-out good parts are too few to set a threshold",
            hint=f"at least {LEAST_GOOD}; {ENOUGH_GOOD} give a threshold worth trusting",
        )
    number = PARAMETERS.get(rule) if parameter is None else parameter
    threshold = float(_RULES[rule](fine, bad, number))
    return Calibration(
        rule=rule,
        threshold=threshold,
        good_parts=len(fine),
        damaged_parts=len(bad),
        parameter=number,
        false_alarm_rate=expected_false_alarm_rate(fine, threshold, fitted=rule in ("mean_sd", "gumbel")),
        false_alarm_interval=false_alarm_interval(fine, threshold),
        good_scores=kept(fine),
        warnings=(*warnings, *_warnings(fine, bad, rule, number)),
    )


def expected_false_alarm_rate(good: Floats, threshold: float, *, fitted: bool) -> float | None:
    """Expected share of good parts at or above `threshold`; None without good parts.

    Args:
        good: (N,) held-out scores.
        threshold: as decided.
        fitted: whether a curve was fitted, rather than an order statistic picked (see the module).
    """
    if not len(good):
        return None
    reached = int((good >= threshold).sum())
    return float(min(1.0, (reached + (0.5 if fitted else 1.0)) / (len(good) + 1)))


def false_alarm_interval(good: Floats, threshold: float, confidence: float = 0.95) -> Interval | None:
    """Clopper-Pearson interval of the share of good parts at or above `threshold`; None without good parts."""
    if not len(good):
        return None
    interval = stats.binomtest(int((good >= threshold).sum()), len(good)).proportion_ci(confidence, method="exact")
    return Interval(low=float(interval.low), high=float(interval.high), confidence=confidence)


def equal_error_threshold(points: OperatingPoints) -> float:
    """The ROC point nearest true positive rate = 1 - false positive rate: what the study's authors ran."""
    finite = slice(1, None)  # the first point is +inf, which is no threshold
    gap = np.abs(points.recall[finite] - (1 - points.false_alarm_rate[finite]))
    return float(points.thresholds[finite][gap.argmin()])


def precision_threshold(points: OperatingPoints, target: float) -> float | None:
    """A threshold whose precision is at least `target` and whose recall no other such threshold exceeds, or None.

    Among equals the strictest: once all reachable damage is caught, a lower threshold would only stop good parts. The
    value lies midway to the next lower score, so that a last digit that differs on another machine flips no verdict.
    """
    reached = np.flatnonzero((points.precision >= target) & (points.caught > 0))
    if not len(reached):
        return None
    best = int(reached[points.recall[reached].argmax()])
    if best + 1 == len(points.thresholds):
        return float(points.thresholds[best])
    return _between(points.thresholds[best + 1], points.thresholds[best])


def _default(good: Floats, damaged: Floats, parameter: float | None) -> tuple[ThresholdRule, list[str]]:
    if parameter is not None:
        raise CalibrationRejected("a rule's number was given without its rule", hint="name the rule too")
    if len(damaged) < ENOUGH_DAMAGED or len(good) < LEAST_GOOD:
        return "mean_sd", []
    if precision_threshold(_points(good, damaged), PARAMETERS["precision"]) is None:
        target = PARAMETERS["precision"]
        return "mean_sd", [f"no threshold reaches precision {target:g} on the calibration parts: mean_sd was used"]
    return "precision", []


def _precision(good: Floats, damaged: Floats, target: float | None) -> float:
    if target is None or not 0 < target <= 1:
        raise CalibrationRejected(f"a precision target lies above 0 and up to 1, got {target}")
    if not len(damaged):
        raise CalibrationRejected(
            "rule precision needs labelled damaged calibration parts", hint="mean_sd and gumbel need good parts only"
        )
    threshold = precision_threshold(_points(good, damaged), target)
    if threshold is None:
        raise CalibrationRejected(
            f"no threshold reaches precision {target:g} on {len(good)} good and {len(damaged)} damaged parts",
            hint="lower the target, or use mean_sd",
        )
    return threshold


def _mean_sd(good: Floats, _: Floats, k: float | None) -> float:
    if k is None or not k > 0:
        raise CalibrationRejected(f"mean_sd needs a positive k, got {k}")
    return float(good.mean() + k * _spread(good))


def _gumbel(good: Floats, _: Floats, quantile: float | None) -> float:
    _spread(good)
    location, scale = stats.gumbel_r.fit(good)
    return float(stats.gumbel_r.ppf(_share(quantile), location, scale))


def _quantile(good: Floats, _: Floats, quantile: float | None) -> float:
    """Above the ceil((n + 1) q)-th lowest score, which makes the expected rate 1 - q where n allows it."""
    ordered = np.sort(good)
    rank = min(len(ordered), int(np.ceil((len(ordered) + 1) * _share(quantile) - 1e-9)))
    higher = ordered[ordered > ordered[rank - 1]]
    return _between(ordered[rank - 1], higher[0]) if len(higher) else float(np.nextafter(ordered[-1], np.inf))


def _author(good: Floats, damaged: Floats, _: float | None) -> float:
    if not len(damaged):
        raise CalibrationRejected("rule author needs damaged parts", hint="use mean_sd")
    return equal_error_threshold(_points(good, damaged))


def _manual(_: Floats, __: Floats, threshold: float | None) -> float:
    if threshold is None or not np.isfinite(threshold):
        raise CalibrationRejected("rule manual needs the threshold itself", hint="--rule manual=12.5")
    return threshold


_RULES: Final[Mapping[ThresholdRule, Callable[[Floats, Floats, float | None], float]]] = {
    "precision": _precision,
    "mean_sd": _mean_sd,
    "gumbel": _gumbel,
    "quantile": _quantile,
    "author": _author,
    "manual": _manual,
}


def _warnings(good: Floats, damaged: Floats, rule: ThresholdRule, number: float | None) -> list[str]:
    found = []
    if len(good) < ENOUGH_GOOD:
        found.append(f"only {len(good)} held-out good parts set the threshold: below {ENOUGH_GOOD} it is a rough guess")
    if rule in ("gumbel", "quantile") and number is not None and len(good) < 1 / (1 - number):
        found.append(f"{len(good)} parts cannot show a quantile of {number:g}: it is extrapolated")
    if rule == "precision":
        share = len(damaged) / (len(good) + len(damaged))
        found.append(
            f"precision was measured with {share:.0%} of the parts damaged; where damage is rarer, it is lower"
        )
    if rule == "author":
        found.append("the threshold was chosen on the parts that it is judged by: the figures are optimistic")
    if len(good) >= LEAST_GOOD:
        middle = np.median(good)
        deviation = 1.4826 * np.median(np.abs(good - middle))
        if deviation > 0 and (good.max() - middle) / deviation > OUTLIER:
            found.append("one good calibration part scores far above the rest: check its label and its exposure")
    return found


def _points(good: Floats, damaged: Floats) -> OperatingPoints:
    return operating_points(np.concatenate([good, damaged]), np.repeat([False, True], [len(good), len(damaged)]))


def _scores(values: ArrayLike, name: str) -> Floats:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1:
        raise ValueError(f"{name} scores must be a vector, got shape {scores.shape}")
    if not np.isfinite(scores).all():
        raise CalibrationRejected(f"a {name} part's score is not finite")
    return scores


def _spread(good: Floats) -> float:
    spread = float(good.std(ddof=1))
    if not spread > 0:
        raise CalibrationRejected(
            "all good calibration parts score alike", hint="are they copies of one photo? hold out different parts"
        )
    return spread


def _share(quantile: float | None) -> float:
    if quantile is None or not 0 < quantile < 1:
        raise CalibrationRejected(f"a quantile lies between 0 and 1, got {quantile}")
    return quantile


def _between(low: float, high: float) -> float:
    """Midway, but never `low` itself, which must pass."""
    middle = float(low + (high - low) / 2)
    return middle if low < middle <= high else float(high)
