"""Image-level metrics against their definitions, computed the slow way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from training.metrics import (
    PRECISION_TARGETS,
    auroc,
    average_precision,
    best_f1,
    confusion,
    image_metrics,
    operating_points,
    recall_at_precision,
)

# Few distinct values, so that ties are common.
scored = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: len({damaged for _, damaged in rows}) == 2
)


def _arrays(rows: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([score for score, _ in rows], float), np.array([damaged for _, damaged in rows])


@given(scored)
def test_auroc_is_the_chance_of_a_right_order(rows: list[tuple[int, bool]]) -> None:
    """AUROC equals the share of (damaged, good) pairs in the right order, ties counting half."""
    scores, damaged = _arrays(rows)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[damaged] for b in scores[~damaged]]
    assert auroc(operating_points(scores, damaged)) == pytest.approx(np.mean(pairs))


@given(scored)
def test_areas_agree_with_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    """AUROC and average precision are those of the field's usual library."""
    scores, damaged = _arrays(rows)
    points = operating_points(scores, damaged)
    assert auroc(points) == pytest.approx(roc_auc_score(damaged, scores))
    assert average_precision(points) == pytest.approx(average_precision_score(damaged, scores))


@given(scored, st.sampled_from([0.3, 0.5, 0.9, 0.95, 0.996, 1.0]))
def test_recall_at_precision_tries_every_threshold(rows: list[tuple[int, bool]], target: float) -> None:
    """The sorted curve finds what trying each score as a threshold finds."""
    scores, damaged = _arrays(rows)
    decided = [confusion(scores, damaged, threshold) for threshold in np.unique(scores)]
    slow = max((c.recall for c in decided if c.caught and c.precision >= target), default=0.0)
    assert recall_at_precision(operating_points(scores, damaged), target) == slow


@given(scored)
def test_best_f1_tries_every_threshold(rows: list[tuple[int, bool]]) -> None:
    """The optimal F1 and its threshold agree with trying each score."""
    scores, damaged = _arrays(rows)
    best, threshold = best_f1(operating_points(scores, damaged))
    assert best == pytest.approx(max(confusion(scores, damaged, t).f1 for t in np.unique(scores)))
    assert confusion(scores, damaged, threshold).f1 == pytest.approx(best)


@given(scored, st.floats(0.1, 10), st.floats(-5, 5))
def test_metrics_depend_on_order_only(rows: list[tuple[int, bool]], scale: float, shift: float) -> None:
    """An increasing transformation of the scores changes no metric."""
    scores, damaged = _arrays(rows)
    assert image_metrics(scores * scale + shift, damaged) == pytest.approx(image_metrics(scores, damaged))


def test_precision_target_is_met_exactly() -> None:
    """249 of 250 is 0.996 and counts; 248 of 249 is below and does not."""
    scores = np.concatenate([np.full(249, 2.0), [2.0], [1.0]])
    damaged = np.concatenate([np.ones(249, bool), [False], [False]])
    assert recall_at_precision(operating_points(scores, damaged), 0.996) == 1.0
    assert recall_at_precision(operating_points(scores[1:], damaged[1:]), 0.996) == 0.0


def test_ties_cannot_be_parted() -> None:
    """A damaged part that ties with good ones cannot be caught alone."""
    points = operating_points([1.0, 1.0, 0.0], [True, False, False])
    assert recall_at_precision(points, 0.95) == 0.0
    assert recall_at_precision(points, 0.5) == 1.0
    assert points.caught.tolist() == [0, 1, 1]
    assert points.stopped.tolist() == [0, 1, 2]


def test_perfect_separation() -> None:
    """Every figure is 1 when all damaged parts outscore all good ones."""
    assert set(image_metrics([0, 1, 2, 3], [False, False, True, True]).values()) == {1.0}
    assert len(PRECISION_TARGETS) == 3


@pytest.mark.parametrize(
    ("scores", "damaged", "message"),
    [
        ([1.0, 2.0], [True], "equally long"),
        ([1.0, np.nan], [True, False], "not finite"),
        ([1.0, 2.0], [True, True], "both good and damaged"),
    ],
)
def test_unusable_scores_are_refused(scores: list[float], damaged: list[bool], message: str) -> None:
    """Bad arguments raise instead of giving a figure."""
    with pytest.raises(ValueError, match=message):
        operating_points(scores, damaged)


def test_confusion_fails_at_the_threshold_itself() -> None:
    """`score >= threshold` fails, and one absent label is fine."""
    assert confusion([1.0, 0.9], [False, False], 1.0) == confusion([5.0, 0.0], [False, False], 2.0)
    assert confusion([1.0], [True], 1.0).recall == 1.0
