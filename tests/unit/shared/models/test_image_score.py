"""Image scores by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from shared.models.image_score import author_score, maximum, paper_score, top_fraction_mean, worst_patch

DISTANCES = hnp.arrays(np.float64, (3, 40), elements=st.floats(0, 1e6))


@given(DISTANCES)
def test_top_fraction_lies_between_mean_and_maximum(distances: NDArray[np.float64]) -> None:
    """A fraction so small that it is one patch is the maximum; the whole is the mean."""
    np.testing.assert_array_equal(top_fraction_mean(distances, 0.003), maximum(distances))
    np.testing.assert_allclose(top_fraction_mean(distances, 1.0), distances.mean(axis=1), rtol=1e-12, atol=1e-9)
    tenth = top_fraction_mean(distances, 0.1)
    np.testing.assert_allclose(tenth, np.sort(distances, axis=1)[:, -4:].mean(axis=1), rtol=1e-12)


def test_padding_does_not_count() -> None:
    """Neither the worst patch nor the number of patches comes from outside the picture."""
    distances = np.array([[9.0, 1.0, 2.0, 3.0]])
    inside = np.array([[False, True, True, True]])
    assert maximum(distances, inside) == [3.0]
    assert worst_patch(distances, inside) == [3]
    assert top_fraction_mean(distances, 0.7, inside) == [2.5]


def test_author_score_by_hand() -> None:
    """Weight 1 - softmax of the largest of the worst patch's own three distances."""
    nearest = np.array([[[1.0, 1.5, 4.0], [2.0, 2.2, 2.5]]])
    exponents = np.exp([2.0, 2.2, 2.5])
    assert author_score(nearest)[0] == pytest.approx((1 - exponents[2] / exponents.sum()) * 2.0)


def test_author_score_is_stable() -> None:
    """Where a plain exp overflows."""
    assert np.isfinite(author_score(np.full((1, 1, 3), 1e4))).all()
    with pytest.raises(ValueError, match="k >= 2"):
        author_score(np.ones((1, 1, 1)))


def test_paper_score_by_hand() -> None:
    """Equation 7."""
    around = np.array([[2.0, 2.5, 3.0]])
    weight = 1 - np.exp(2.0) / np.exp(around).sum()
    assert paper_score(np.array([2.0]), around)[0] == pytest.approx(weight * 2.0)
    assert np.isfinite(paper_score(np.array([1e4]), np.full((1, 9), 1e4))).all()
