"""The store keeps every patch once, or a fair sample."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.models.patch_store import GROWTH_BYTES, PatchStore


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12), st.booleans())
def test_below_the_limit_everything_is_kept_in_order(sizes: list[int], reserve: bool) -> None:
    """Whether the number was known beforehand or not."""
    everything = np.arange(sum(sizes) * 3, dtype=np.float32).reshape(-1, 3)
    store = PatchStore(limit=10_000, seed=0)
    if reserve:
        store.reserve(len(everything), 3)
    start = 0
    for size in sizes:
        store.add(everything[start : start + size])
        start += size
    np.testing.assert_array_equal(store.take(), everything)


def test_beyond_the_limit_a_fair_sample_is_kept() -> None:
    """Every patch is as likely as any other: means over many seeds, early and late patches alike."""
    total, limit, runs = 200, 20, 400
    kept = np.zeros(total)
    for seed in range(runs):
        store = PatchStore(limit, seed)
        for start in range(0, total, 30):
            store.add(np.arange(start, min(total, start + 30), dtype=np.float32)[:, None])
        sample = store.take()[:, 0].astype(int)
        assert len(set(sample.tolist())) == limit
        kept[sample] += 1
    expected = runs * limit / total
    # Ten groups of twenty patches: the standard deviation of a group's mean is about 1.3.
    assert np.abs(kept.reshape(10, 20).mean(axis=1) - expected).max() < 5.5


def test_the_sample_is_repeatable() -> None:
    """Same seed, same order, same sample."""
    samples = []
    for seed in (1, 1, 2):
        store = PatchStore(5, seed)
        store.add(np.arange(100, dtype=np.float32)[:, None])
        samples.append(store.take().ravel().tolist())
    assert samples[0] == samples[1] != samples[2]


def test_growth_has_bounded_slack() -> None:
    """Never more than one growth step above what is stored: memory is one copy of the features."""
    store = PatchStore(limit=10**9, seed=0)
    stored = 0
    for _ in range(40):
        batch = np.ones((16 * 1024, 40), dtype=np.float32)
        store.add(batch)
        stored += batch.nbytes
        assert stored <= store.nbytes <= stored + GROWTH_BYTES
