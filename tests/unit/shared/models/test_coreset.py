"""The quick selection picks exactly what the textbook algorithm picks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from shared.models.coreset import SKETCH_WORTH, Sketch, author_projection, distances_to, k_center_greedy


def naive(points: NDArray[np.float64], count: int, first: int) -> list[int]:
    """PatchCore algorithm 1, as it stands: float64, all distances, lowest index among equals."""
    picks = [first]
    nearest = ((points - points[first]) ** 2).sum(axis=1)
    while len(picks) < count and nearest.max() > 0:
        pick = int(nearest.argmax())
        picks.append(pick)
        nearest = np.minimum(nearest, ((points - points[pick]) ** 2).sum(axis=1))
    return picks


def whole(points: torch.Tensor, count: int, first: int) -> list[int]:
    """The same without any skipping, in the arithmetic of the quick one."""
    picks = [first]
    nearest = distances_to(points, points[first])
    while len(picks) < count:
        picks.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, distances_to(points, points[picks[-1]]))
    return picks


# Small whole numbers: every distance is exact in float32, so ties are true ties.
WHOLE_NUMBERS = st.tuples(st.integers(1, 60), st.sampled_from([1, 2, 5, SKETCH_WORTH + 3])).flatmap(
    lambda shape: hnp.arrays(np.float32, shape, elements=st.integers(-3, 3).map(float))
)


@given(WHOLE_NUMBERS, st.data())
def test_picks_are_those_of_the_textbook_with_ties(points: NDArray[np.float32], data: st.DataObject) -> None:
    """Many equal distances and twins, with and without a sketch: the lowest index wins, as in the definition."""
    count = data.draw(st.integers(1, len(points)))
    picks = k_center_greedy(torch.from_numpy(points), count, first="zero")
    assert picks.tolist() == naive(points.astype(np.float64), count, 0)


@pytest.mark.parametrize("seed", range(4))
def test_skipping_changes_no_pick(seed: int) -> None:
    """Clustered, correlated points far from the origin: bit for bit the picks of measuring everything."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(12, 100))
    points = random.normal(size=(3000, 12)) @ mixing + random.normal(0, 0.05, (3000, 100)) + 40
    points[500:900] = points[100:500] + random.normal(0, 1e-3, (400, 100))
    tensor = torch.from_numpy(points.astype(np.float32))
    picks = k_center_greedy(tensor, 150, first="zero")
    assert picks.tolist() == whole(tensor, 150, 0)


@given(st.integers(0, 10_000))
def test_a_sketch_never_exceeds_the_distance(seed: int) -> None:
    """Whatever may be closer is among the candidates; a sketch that lies would lose picks."""
    random = np.random.default_rng(seed)
    scale = 10.0 ** random.integers(-3, 4)
    points = torch.from_numpy((random.normal(size=(200, 80)) * scale + random.normal() * scale).astype(np.float32))
    true = distances_to(points, points[7])
    candidates = set(Sketch(points).maybe_closer(7, true.nextafter(torch.tensor(torch.inf))).tolist())
    assert candidates == set(range(200))


def test_a_sketch_rules_out_most() -> None:
    """It is worth its cost: of points in far-apart groups, only the pick's own group remains."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.eye(80)[:40] * 100, 50, axis=0)
    points = torch.from_numpy((groups + random.normal(0, 0.1, groups.shape)).astype(np.float32))
    nearest = torch.full((len(points),), 5.0)
    assert len(Sketch(points).maybe_closer(0, nearest)) < len(points) / 2


def test_the_default_start_does_not_depend_on_the_order() -> None:
    """Shuffled pictures give the same coreset: the first centre is the farthest from the mean."""
    random = np.random.default_rng(1)
    points = random.normal(size=(400, 6)).astype(np.float32)
    order = random.permutation(400)
    straight = k_center_greedy(torch.from_numpy(points), 40)
    shuffled = k_center_greedy(torch.from_numpy(points[order]), 40)
    assert order[shuffled].tolist() == straight.tolist()


def test_twins_are_picked_once() -> None:
    """Where every point coincides with a centre, there is nothing left to pick."""
    points = torch.tensor([[0.0], [1.0], [0.0], [1.0]])
    assert k_center_greedy(points, 4, first="zero").tolist() == [0, 1]


@pytest.mark.parametrize("count", [0, 5])
def test_impossible_counts_are_refused(count: int) -> None:
    """None, or more than there are."""
    with pytest.raises(ValueError, match="cannot pick"):
        k_center_greedy(torch.zeros(4, 2), count)


def test_progress_is_reported() -> None:
    """Now and then, with the picks so far."""
    seen: list[int] = []
    k_center_greedy(torch.randn(300, 3, generator=torch.Generator().manual_seed(0)), 200, report=seen.append)
    assert seen == [64, 128, 192]


def test_the_authors_projection_never_widens() -> None:
    """Johnson-Lindenstrauss would ask for more dimensions than there are: then there is nothing to gain."""
    narrow = torch.randn(1000, 50, generator=torch.Generator().manual_seed(0))
    assert author_projection(narrow, 0) is narrow
    wide = torch.randn(1000, 1536, generator=torch.Generator().manual_seed(0))
    projected = author_projection(wide, 0)
    assert projected.shape[1] < 1536
    assert torch.equal(projected, author_projection(wide, 0))
    ratio = torch.cdist(projected[:50], projected[50:100]) / torch.cdist(wide[:50], wide[50:100])
    assert abs(float(ratio.mean()) - 1) < 0.05
