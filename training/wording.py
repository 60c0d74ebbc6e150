"""What the figures mean, in the words of those who stand at the line."""

from collections.abc import Mapping
from typing import Final

from scipy import stats

from shared.models.card import Calibration, CalibrationRule, Interval
from training.metrics import Confusion

METRIC_NAMES: Final[Mapping[str, str]] = {
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "f1": "F1 at its best threshold",
    "recall_at_precision_0.996": "Recall at precision ≥ 0.996",
    "recall_at_precision_0.95": "Recall at precision ≥ 0.95",
    "recall_at_precision_0.9": "Recall at precision ≥ 0.90",
    "recall_at_threshold": "Recall at the threshold",
    "precision_at_threshold": "Precision at the threshold",
    "f1_at_threshold": "F1 at the threshold",
    "false_alarm_rate_at_threshold": "False alarm rate at the threshold",
    "pixel_auroc": "Pixel AUROC",
    "aupro": "AUPRO",
}
METRIC_MEANINGS: Final[Mapping[str, str]] = {
    "auroc": "chance that a damaged part scores above a good one",
    "average_precision": "area under the precision-recall curve",
    "f1": "optimistic: chosen on the parts it is measured on",
    "recall_at_precision_0.996": "damage caught if 996 of 1000 stops must be right",
    "recall_at_precision_0.95": "damage caught if 950 of 1000 stops must be right",
    "recall_at_precision_0.9": "damage caught if 900 of 1000 stops must be right",
    "recall_at_threshold": "share of damaged test parts that are stopped",
    "precision_at_threshold": "share of stopped test parts that are damaged",
    "f1_at_threshold": "harmonic mean of the two above",
    "false_alarm_rate_at_threshold": "share of good test parts that are stopped",
    "pixel_auroc": "chance that a damaged pixel is hotter than a good one",
    "aupro": "share of each damaged region covered, up to 30 % false positives",
}
_RULES: Final[Mapping[CalibrationRule, str]] = {
    "precision": "catches the most damage with at least {parameter:g} of the stopped calibration parts truly damaged",
    "mean_sd": "mean + {parameter:g} standard deviations of held-out good parts",
    "gumbel": "{parameter:.4g} quantile of a Gumbel distribution fitted to held-out good parts",
    "quantile": "{parameter:.4g} quantile of held-out good parts",
    "author": "equal error rate on the test parts themselves",
    "manual": "set by a person",
    "feedback": "the lowest with at least {parameter:g} of the stopped parts truly damaged, by what people found",
}


def rule_in_words(calibration: Calibration) -> str:
    """How the threshold was chosen, e.g. `mean + 3 standard deviations of held-out good parts`."""
    return _RULES[calibration.rule].format(parameter=calibration.parameter)


def per_thousand(rate: float) -> str:
    """A rate as a count of 1000, one decimal where that is below 10: `4.2`, `42`."""
    count = 1000 * rate
    return f"{count:.1f}".removesuffix(".0") if count < 9.95 else f"{count:.0f}"


def expected_stops(calibration: Calibration) -> str | None:
    """`Of 1000 good parts, expect 14 (3 to 41) to be stopped`; None where nothing is known."""
    rate, interval = calibration.false_alarm_rate, calibration.false_alarm_interval
    if rate is None or interval is None:
        return None
    return f"Of 1000 good parts, expect {_range(rate, interval)} to be stopped"


def expected_catches(decided: Confusion) -> str | None:
    """`Of 1000 damaged parts like those tested, expect 911 (861 to 949) to be caught`; None without damaged parts."""
    interval = share_interval(decided.caught, decided.caught + decided.missed)
    if interval is None:
        return None
    return f"Of 1000 damaged parts like those tested, expect {_range(decided.recall, interval)} to be caught"


def share_interval(count: int, total: int, confidence: float = 0.95) -> Interval | None:
    """Clopper-Pearson interval of `count` of `total`; None of none."""
    if not total:
        return None
    found = stats.binomtest(count, total).proportion_ci(confidence, method="exact")
    return Interval(low=float(found.low), high=float(found.high), confidence=confidence)


def _range(rate: float, interval: Interval) -> str:
    return f"{per_thousand(rate)} ({per_thousand(interval.low)} to {per_thousand(interval.high)})"
