"""Thresholds: what each rule promises, and that the expected false alarm rate is honest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shared.models.card import ThresholdRule
from training.calibrate import (
    ENOUGH_DAMAGED,
    CalibrationRejected,
    calibrate,
    equal_error_threshold,
    precision_threshold,
)
from training.metrics import confusion, operating_points, recall_at_precision

finite = st.floats(-1e3, 1e3, allow_subnormal=False)
some_good = st.lists(finite, min_size=5, max_size=80, unique=True).map(np.array)
RNG = np.random.default_rng(11)
GOOD = RNG.gumbel(5, 1, 200)
DAMAGED = RNG.gumbel(9, 2, 60)


@given(some_good, st.floats(0.5, 0.99))
def test_quantile_passes_at_least_its_share(good: np.ndarray, quantile: float) -> None:
    """At least the asked share of the calibration parts lies strictly below the threshold."""
    threshold = calibrate(good, rule="quantile", parameter=quantile).threshold
    assert (good < threshold).mean() >= quantile - 1e-9


@pytest.mark.parametrize(
    ("rule", "numbers"),
    [("mean_sd", (1, 2, 3)), ("gumbel", (0.9, 0.99, 0.999)), ("quantile", (0.5, 0.9, 0.99))],
)
def test_a_stricter_number_never_lowers_the_threshold(rule: ThresholdRule, numbers: tuple[float, ...]) -> None:
    """Thresholds rise with k or the quantile, and expected false alarms fall."""
    made = [calibrate(GOOD, rule=rule, parameter=number) for number in numbers]
    assert sorted(c.threshold for c in made) == [c.threshold for c in made]
    rates = [c.false_alarm_rate for c in made]
    assert sorted(rates, reverse=True) == rates  # type: ignore[type-var]  # good parts were given, so none is None


@given(some_good, st.floats(0.1, 10), st.floats(-100, 100))
def test_thresholds_follow_the_scores_unit(good: np.ndarray, scale: float, shift: float) -> None:
    """Rescaling the scores rescales the threshold."""
    if np.ptp(good) < 1e-2:
        return
    plain = calibrate(good, rule="mean_sd").threshold
    assert calibrate(good * scale + shift, rule="mean_sd").threshold == pytest.approx(
        plain * scale + shift, rel=1e-6, abs=1e-3
    )


@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=4, max_size=60).filter(
        lambda rows: len({bad for _, bad in rows}) == 2
    ),
    st.sampled_from([0.5, 0.8, 0.95, 0.996]),
)
def test_precision_rule_reaches_its_target_with_the_best_recall(rows: list[tuple[int, bool]], target: float) -> None:
    """The threshold's own decisions have the target precision and the recall of recall-at-precision."""
    scores, damaged = np.array([s for s, _ in rows], float), np.array([bad for _, bad in rows])
    points = operating_points(scores, damaged)
    threshold = precision_threshold(points, target)
    if threshold is None:
        assert recall_at_precision(points, target) == 0
        return
    decided = confusion(scores, damaged, threshold)
    assert decided.precision >= target
    assert decided.recall == recall_at_precision(points, target)


def test_precision_rule_stops_no_good_part_in_vain() -> None:
    """With perfect separation the threshold lies in the gap, though a lower one would still reach the target."""
    made = calibrate(np.linspace(0, 1, 50), np.linspace(3, 9, 200), rule="precision", parameter=0.9)
    assert made.threshold == pytest.approx(2.0)


def test_default_rule_depends_on_labelled_damage() -> None:
    """Enough labelled damage: precision. Otherwise good parts alone decide."""
    assert calibrate(GOOD, DAMAGED).rule == "precision"
    assert calibrate(GOOD, DAMAGED[: ENOUGH_DAMAGED - 1]).rule == "mean_sd"
    assert calibrate(GOOD).rule == "mean_sd"


def test_default_rule_says_when_precision_is_out_of_reach() -> None:
    """Where damage scores below good parts, the default falls to mean_sd and the card tells it."""
    made = calibrate(GOOD, GOOD[:30] - 5)
    assert made.rule == "mean_sd"
    assert any("no threshold reaches precision" in warning for warning in made.warnings)


def test_a_named_rule_never_falls_back() -> None:
    """A rule that was asked for and cannot be met is an error with a hint."""
    with pytest.raises(CalibrationRejected, match="no threshold reaches precision") as caught:
        calibrate(GOOD, GOOD[:30] - 5, rule="precision")
    assert caught.value.hint is not None


def test_equal_error_is_the_nearest_roc_point() -> None:
    """The authors' threshold minimises |TPR - (1 - FPR)| over all scores."""
    scores = np.concatenate([GOOD, DAMAGED])
    damaged = np.repeat([False, True], [len(GOOD), len(DAMAGED)])
    threshold = equal_error_threshold(operating_points(scores, damaged))

    def gap(t: float) -> float:
        decided = confusion(scores, damaged, t)
        return abs(decided.recall - (1 - decided.false_alarm_rate))

    assert gap(threshold) == min(gap(t) for t in scores)
    made = calibrate(GOOD, DAMAGED, rule="author")
    assert made.threshold == threshold
    assert any("optimistic" in warning for warning in made.warnings)


def test_golden_mean_sd_and_gumbel() -> None:
    """Both rules on numbers small enough to work by hand."""
    good = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert calibrate(good, rule="mean_sd").threshold == pytest.approx(3 + 3 * np.sqrt(2.5))
    location, scale = stats.gumbel_r.fit(good)
    assert calibrate(good, rule="gumbel").threshold == pytest.approx(location - scale * np.log(-np.log(0.99)))


@pytest.mark.parametrize("rule", ["mean_sd", "gumbel", "quantile"])
@pytest.mark.parametrize("parts", [20, 60])
def test_expected_false_alarms_are_not_too_rosy(rule: ThresholdRule, parts: int) -> None:
    """Over many draws the interval covers the true rate, and the point estimate errs upwards (or nearly)."""
    rng = np.random.default_rng(parts)
    for truth in (stats.norm(), stats.gumbel_r(), stats.lognorm(0.5)):
        covered, expected, actual = [], [], []
        for _ in range(150):
            made = calibrate(truth.rvs(size=parts, random_state=rng), rule=rule)
            rate = float(truth.sf(made.threshold))
            assert made.false_alarm_interval is not None
            assert made.false_alarm_rate is not None
            covered.append(made.false_alarm_interval.low <= rate <= made.false_alarm_interval.high)
            expected.append(made.false_alarm_rate)
            actual.append(rate)
        assert np.mean(covered) >= 0.93
        assert np.mean(expected) >= 0.9 * np.mean(actual)


def test_few_parts_widen_the_interval_and_warn() -> None:
    """Below 50 good parts the card says so, and the interval is wider than with many."""
    few, many = calibrate(GOOD[:20]), calibrate(GOOD)
    assert any("rough guess" in warning for warning in few.warnings)
    assert not any("rough guess" in warning for warning in many.warnings)
    assert few.false_alarm_interval is not None
    assert many.false_alarm_interval is not None
    assert few.false_alarm_interval.high > 2 * many.false_alarm_interval.high


def test_an_outlier_among_the_good_is_pointed_out() -> None:
    """One over-exposed good photo raises every threshold: somebody should look at it."""
    warnings = calibrate(np.append(GOOD, 80.0)).warnings
    assert any("check its label" in warning for warning in warnings)
    assert not any("check its label" in warning for warning in calibrate(RNG.normal(0, 1, 100)).warnings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"good": [1.0, 2.0]}, "too few"),
        ({"good": [1.0] * 9}, "score alike"),
        ({"good": [1.0, np.inf] * 5}, "not finite"),
        ({"good": [1.0, 2.0] * 5, "rule": "mean_sd", "parameter": -1.0}, "positive k"),
        ({"good": [1.0, 2.0] * 5, "rule": "gumbel", "parameter": 1.0}, "between 0 and 1"),
        ({"good": [1.0, 2.0] * 5, "rule": "precision"}, "needs labelled damaged"),
        ({"good": [1.0, 2.0] * 5, "rule": "author"}, "needs damaged"),
        ({"good": [1.0, 2.0] * 5, "rule": "manual"}, "the threshold itself"),
        ({"good": [1.0, 2.0] * 5, "parameter": 3.0}, "without its rule"),
    ],
)
def test_unusable_input_is_refused(arguments: dict[str, object], message: str) -> None:
    """One clear line for each way to ask for the impossible."""
    with pytest.raises(CalibrationRejected, match=message):
        calibrate(**arguments)  # type: ignore[arg-type]  # the point is to pass what it must refuse


def test_manual_threshold_still_tells_what_to_expect() -> None:
    """A person's threshold gets the measured false alarm rate as well."""
    made = calibrate(GOOD, rule="manual", parameter=float(np.median(GOOD)))
    assert made.threshold == np.median(GOOD)
    assert made.false_alarm_rate == pytest.approx(0.5, abs=0.02)
