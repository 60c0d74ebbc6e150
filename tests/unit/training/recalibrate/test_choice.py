"""Which threshold feedback leads to: never one that the labels do not carry."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from training.recalibrate.bounds import damaged_needed, precision_bound, share_upper_bound
from training.recalibrate.choice import AUDITED, Choice, RecalibrationRejected, choose

PRESENT = 10.0
parts = st.lists(st.tuples(st.sampled_from([x / 2 for x in range(60)]) | st.floats(0, 30), st.booleans()), max_size=120)
targets = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.996])
confidences = st.sampled_from([0.0, 0.5, 0.9, 0.99])


def chosen(labelled: Sequence[tuple[float, bool]], target: float, confidence: float, *, audited: bool = True) -> Choice:
    """The choice for parts with these scores and labels, where it may fall."""
    scores, damaged = [score for score, _ in labelled], [bad for _, bad in labelled]
    return choose(scores, damaged, present=PRESENT, target=target, confidence=confidence, audited=audited)


def bound(labelled: Sequence[tuple[float, bool]], confidence: float) -> float:
    """Lower bound of precision of these parts, by SciPy's exact interval rather than by our formula."""
    caught, total = sum(bad for _, bad in labelled), len(labelled)
    if not caught:
        return 0.0
    if confidence == 0:
        return caught / total
    # The lower end of a two-sided interval with twice the tail.
    return float(stats.binomtest(caught, total).proportion_ci(2 * confidence - 1, method="exact").low)


@given(labelled=parts, target=targets, confidence=st.sampled_from([0.0, 0.9, 0.99]))
def test_never_below_what_is_asked(labelled: list[tuple[float, bool]], target: float, confidence: float) -> None:
    """What the new threshold stops reaches the target; below the present one, both shares do, each by itself."""
    choice = chosen(labelled, target, confidence)
    if choice.chosen is None:
        return
    threshold = choice.chosen.threshold
    above = [part for part in labelled if part[0] >= max(threshold, PRESENT)]
    assert bound(above, confidence) >= target - 1e-9
    if threshold < PRESENT:
        between = [part for part in labelled if threshold <= part[0] < PRESENT]
        assert bound(between, confidence) >= target - 1e-9
        proved_good = [score for score, bad in labelled if score < PRESENT and not bad]
        assert len(proved_good) >= AUDITED
        assert any(score <= max(s for s, _ in between) for score in proved_good)
    stopped = [bad for score, bad in labelled if score >= threshold]
    assert (choice.chosen.caught, choice.chosen.stopped) == (sum(stopped), len(stopped) - sum(stopped))


@given(labelled=parts, target=targets, confidence=st.sampled_from([0.0, 0.9, 0.99]))
def test_no_lower_threshold_would_do(labelled: list[tuple[float, bool]], target: float, confidence: float) -> None:
    """At and above the present threshold, every other decision that reaches the target catches less."""
    choice = chosen(labelled, target, confidence)
    lowest = PRESENT if choice.chosen is None else choice.chosen.threshold
    if choice.chosen is not None and lowest <= PRESENT:
        return
    for threshold in {PRESENT, *(score for score, _ in labelled if score >= PRESENT)}:
        stopped = [part for part in labelled if part[0] >= threshold]
        if choice.chosen is None or len(stopped) > choice.chosen.caught + choice.chosen.stopped:
            assert bound(stopped, confidence) < target + 1e-9


@given(labelled=parts, confidence=confidences, pair=st.tuples(targets, targets))
def test_a_higher_target_never_lowers_it(
    labelled: list[tuple[float, bool]], confidence: float, pair: tuple[float, float]
) -> None:
    """Monotone; and what a low target does not reach, a high one does not either."""
    low, high = (chosen(labelled, target, confidence).chosen for target in sorted(pair))
    if high is not None:
        assert low is not None
        assert low.threshold <= high.threshold


@given(labelled=parts, target=targets, pair=st.tuples(confidences, confidences))
def test_more_confidence_never_lowers_it(
    labelled: list[tuple[float, bool]], target: float, pair: tuple[float, float]
) -> None:
    """Likewise, but for the plain share, which is no bound at all and is passed over."""
    assume(0.0 not in pair)
    low, high = (chosen(labelled, target, confidence).chosen for confidence in sorted(pair))
    if high is not None:
        assert low is not None
        assert low.threshold <= high.threshold


@given(labelled=parts, target=targets, confidence=confidences, random=st.randoms(use_true_random=False))
def test_the_order_of_labels_does_not_matter(
    labelled: list[tuple[float, bool]], target: float, confidence: float, random: Any
) -> None:
    """Kafka's partitions come in any order."""
    shuffled = labelled.copy()
    random.shuffle(shuffled)
    assert chosen(labelled, target, confidence) == chosen(shuffled, target, confidence)


@given(labelled=parts, target=targets, confidence=confidences)
def test_what_lacks_is_enough_and_no_more(labelled: list[tuple[float, bool]], target: float, confidence: float) -> None:
    """With so many more damaged parts at the nearest threshold a threshold is found; with one fewer there, not."""
    choice = chosen(labelled, target, confidence)
    if choice.chosen is not None:
        assert choice.lacking == 0
        return
    assert choice.lacking > 0
    near = choice.nearest
    enough, short = (
        precision_bound([near.caught + more], [near.stopped], confidence)[0]
        for more in (choice.lacking, choice.lacking - 1)
    )
    assert enough >= target > short
    more = [(max(near.threshold, *(score for score, _ in labelled), PRESENT), True)] * choice.lacking
    assert chosen([*labelled, *more], target, confidence).chosen is not None


def test_labels_of_rejected_parts_only_let_it_rise() -> None:
    """However damaged all of them are: below the present threshold nobody looked."""
    choice = chosen([(PRESENT + n, True) for n in range(100)], 0.9, 0.9)
    assert choice.chosen is not None
    assert choice.chosen.threshold == PRESENT
    complaints = [(PRESENT - 1 - n / 1000, True) for n in range(100)]
    choice = chosen([(PRESENT + n, True) for n in range(100)] + complaints, 0.9, 0.9)
    assert choice.chosen is not None
    assert (choice.chosen.threshold, choice.may_fall, choice.missed) == (PRESENT, False, 100)


def test_it_falls_where_passed_parts_were_looked_at() -> None:
    """To the lowest score whose own share reaches the target, and not on the strength of the rejected ones."""
    rejected = [(PRESENT + n, True) for n in range(100)]
    audited = [(n / 10, False) for n in range(20)]  # 0 to 1.9
    missed = [(5 + n / 100, True) for n in range(60)]  # 5 to 5.59
    unsaid = chosen(rejected + audited + missed, 0.95, 0.9, audited=False)
    assert unsaid.chosen is not None
    assert (unsaid.chosen.threshold, unsaid.may_fall) == (PRESENT, False)
    choice = chosen(rejected + audited + missed, 0.95, 0.9)
    assert choice.chosen is not None
    assert choice.chosen.threshold == pytest.approx((1.9 + 5) / 2)
    assert (choice.chosen.caught, choice.chosen.stopped, choice.regained, choice.lost) == (160, 0, 60, 0)
    # Ten good ones among them: by themselves below the target, though all together would be above it.
    mixed = [(5.5, False)] * 10
    choice = chosen(rejected * 50 + audited + missed + mixed, 0.95, 0.9)
    assert choice.chosen is not None
    assert choice.chosen.threshold > 5.5


def test_it_falls_only_where_the_rejected_parts_reach_the_target_too() -> None:
    """And no further down than somebody looked."""
    audited = [(1 + n / 10, False) for n in range(10)]
    missed = [(5 + n / 1000, True) for n in range(1000)]
    mixed = [(PRESENT + n, bad) for n in range(50) for bad in (True, False)]
    choice = chosen([*mixed, *audited, *missed], 0.9, 0.9)
    assert choice.may_fall
    assert choice.chosen is None
    clean = [(PRESENT + n, True) for n in range(50)]
    choice = chosen([*clean, *audited, *missed, (0.2, True)], 0.9, 0.9)
    assert choice.chosen is not None
    assert choice.chosen.threshold == pytest.approx(0.6)


def test_what_it_costs_is_counted() -> None:
    """False alarms from 10 to 13.9, damage from 12 on: precision 0.99 lets 19 of 200 damaged parts pass."""
    alarms = [(10 + n / 10, False) for n in range(40)]
    damage = [(12 + n / 10, True) for n in range(200)]
    choice = chosen(alarms + damage, 0.99, 0.0)
    assert choice.chosen is not None
    assert choice.chosen.threshold == pytest.approx(13.85)
    assert (choice.chosen.caught, choice.chosen.stopped) == (181, 1)
    assert (choice.present.caught, choice.present.stopped) == (200, 40)
    assert (choice.damaged, choice.lost) == (200, 19)
    assert choice.lost_bound == pytest.approx(19 / 200)


def test_the_bound_keeps_its_promise_though_the_lowest_of_many_is_taken() -> None:
    """A line whose true precision is known, labelled 400 times: below the target no oftener than the confidence says.

    The plain share, which is the positive control, is below it in half of the draws.
    """
    draws = np.random.default_rng(0)
    below = {0.0: 0, 0.9: 0}
    for _ in range(400):
        damaged = draws.random(300) < 0.8
        scores = PRESENT + np.where(damaged, draws.exponential(5.0, 300), draws.exponential(0.7, 300))
        for confidence in below:
            made = choose(scores, damaged, present=PRESENT, target=0.95, confidence=confidence).chosen
            assert made is not None
            over = made.threshold - PRESENT
            caught, stopped = 0.8 * math.exp(-over / 5.0), 0.2 * math.exp(-over / 0.7)
            below[confidence] += caught / (caught + stopped) < 0.95
    assert below[0.9] <= 40
    assert below[0.0] > 120


def test_nothing_labelled_lacks_what_the_arithmetic_says() -> None:
    """All damaged: the bound is (1 - c)^(1/n), so that 0.996 with 90 % takes 575 of them."""
    choice = chosen([], 0.996, 0.9)
    assert choice.chosen is None
    assert choice.lacking == math.ceil(math.log(1 - 0.9) / math.log(0.996)) == 575
    assert choice.nearest.threshold == PRESENT
    assert damaged_needed([0], 0.996, 0.0)[0] == 1


def test_bounds_by_the_book() -> None:
    """Against SciPy's exact intervals; the plain share where no confidence is asked for."""
    for caught, good in ((5, 1), (40, 0), (1, 99)):
        exact = stats.binomtest(caught, caught + good).proportion_ci(0.8, method="exact")
        assert precision_bound([caught], [good], 0.9)[0] == pytest.approx(exact.low)
        assert precision_bound([caught], [good], 0.0)[0] == caught / (caught + good)
        assert share_upper_bound(caught, caught + good, 0.9) == pytest.approx(exact.high)
    assert precision_bound([0], [0], 0.9)[0] == precision_bound([0], [0], 0.0)[0] == 0.0
    assert share_upper_bound(0, 0, 0.9) == 1.0


@pytest.mark.parametrize(
    ("target", "confidence"), [(0.0, 0.9), (1.0, 0.9), (1.2, 0.9), (math.nan, 0.9), (0.9, 1.0), (0.9, -0.1)]
)
def test_what_cannot_be_asked_is_refused(target: float, confidence: float) -> None:
    """A precision of 1 is proved by no count."""
    with pytest.raises(RecalibrationRejected):
        chosen([(11.0, True)], target, confidence)
    with pytest.raises(RecalibrationRejected, match="not finite"):
        choose([np.inf], [True], present=PRESENT, target=0.9, confidence=0.9)
