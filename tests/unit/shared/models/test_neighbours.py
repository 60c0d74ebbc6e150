"""Nearest neighbours with distances one can trust."""

import numpy as np
import pytest
import torch

from shared.models.neighbours import Neighbours

CPU = torch.device("cpu")


def test_neighbours_are_those_of_a_plain_search() -> None:
    """Against all distances in float64, far from the origin where squared norms cancel."""
    random = np.random.default_rng(0)
    bank = (random.normal(size=(300, 20)) + 100).astype(np.float32)
    queries = (random.normal(size=(70, 20)) + 100).astype(np.float32)
    distances, items = Neighbours(torch.from_numpy(bank), CPU).search(torch.from_numpy(queries), 4)
    every = np.linalg.norm(queries[:, None].astype(np.float64) - bank[None], axis=2)
    np.testing.assert_array_equal(items, np.argsort(every, axis=1)[:, :4])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :4], rtol=1e-6)


def test_a_member_of_the_bank_is_at_distance_zero() -> None:
    """Exactly, not up to the rounding of squared norms."""
    bank = torch.randn(50, 30, generator=torch.Generator().manual_seed(0)) * 100 + 1000
    distances, items = Neighbours(bank, CPU).search(bank, 1)
    assert (distances == 0).all()
    assert items[:, 0].tolist() == list(range(50))


def test_distances_do_not_depend_on_the_batch() -> None:
    """A query alone and among others has the same distance to the last bit."""
    generator = torch.Generator().manual_seed(0)
    index = Neighbours(torch.randn(200, 33, generator=generator), CPU)
    queries = torch.randn(64, 33, generator=generator)
    together, _ = index.search(queries, 3)
    alone = np.concatenate([index.search(queries[i : i + 1], 3)[0] for i in range(64)])
    np.testing.assert_array_equal(together, alone)


def test_around_starts_with_the_item_itself_even_among_twins() -> None:
    """Twins are at distance zero too, but the item comes first and once."""
    bank = torch.tensor([[0.0], [0.0], [1.0], [3.0]])
    around = Neighbours(bank, CPU).around(np.array([1, 3]), 3)
    assert around.tolist()[0][0] == 1
    assert sorted(around.tolist()[0]) == [0, 1, 2]
    assert around.tolist()[1][:2] == [3, 2]
    assert Neighbours(bank, CPU).around(np.array([2]), 9).shape == (1, 4)


def test_more_neighbours_than_items_are_refused() -> None:
    """With the numbers."""
    with pytest.raises(ValueError, match="3 neighbours asked of a bank of 2"):
        Neighbours(torch.zeros(2, 4), CPU).search(torch.zeros(1, 4), 3)
