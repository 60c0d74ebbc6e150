"""Bootstrap intervals."""

import numpy as np

from training.bootstrap import bootstrap_intervals
from training.metrics import Bools, Floats, auroc, image_metrics, operating_points


def _only_auroc(scores: Floats, damaged: Bools) -> dict[str, float]:
    return {"auroc": auroc(operating_points(scores, damaged))}


def test_interval_contains_the_estimate_and_narrows_with_more_parts() -> None:
    """The estimate lies inside; sixteen times the parts make the interval much narrower."""
    rng = np.random.default_rng(1)
    widths = []
    for parts in (40, 640):
        scores = np.concatenate([rng.normal(0, 1, parts), rng.normal(1, 1, parts)])
        damaged = np.repeat([False, True], parts)
        interval = bootstrap_intervals(_only_auroc, scores, damaged, seed=3, resamples=200)["auroc"]
        assert interval.low < _only_auroc(scores, damaged)["auroc"] < interval.high
        widths.append(interval.high - interval.low)
    assert widths[1] < 0.5 * widths[0]


def test_agrees_with_the_known_standard_error() -> None:
    """For normal scores one deviation apart, the interval matches Hanley & McNeil's standard error within a third."""
    rng = np.random.default_rng(2)
    n = 200
    scores, damaged = np.concatenate([rng.normal(0, 1, n), rng.normal(1, 1, n)]), np.repeat([False, True], n)
    a = _only_auroc(scores, damaged)["auroc"]
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = np.sqrt((a * (1 - a) + (n - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / n**2)
    interval = bootstrap_intervals(_only_auroc, scores, damaged, seed=0, resamples=600)["auroc"]
    assert 0.67 < (interval.high - interval.low) / (2 * 1.96 * error) < 1.33


def test_same_seed_same_intervals_for_every_metric() -> None:
    """Reproducible, and one interval for each figure."""
    scores, damaged = np.arange(20.0) % 7, np.arange(20) > 9
    first = bootstrap_intervals(image_metrics, scores, damaged, seed=4, resamples=50)
    assert first == bootstrap_intervals(image_metrics, scores, damaged, seed=4, resamples=50)
    assert first.keys() == image_metrics(scores, damaged).keys()
