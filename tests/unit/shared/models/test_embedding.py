"""The embedding reference: streamed moments, distances, and what padding and odd channels must not do to them."""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.models.base import Features
from shared.models.card import ModelCard
from shared.models.embedding import MOST_CHANNELS, EmbeddingReference, EmbeddingStream, pooled
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.letterbox import Image
from shared.models.quantiles import MOST_QUANTILES
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec

INPUT = InputSpec(height=32, width=32, fit="stretch")
Pictures = Callable[[int, int], list[Image]]


def features(embeddings: NDArray[np.float64]) -> Features:
    """Features of one stage whose mean over the positions is (N, C) `embeddings`, though no position has it."""
    means = torch.from_numpy(embeddings.astype(np.float32))[:, :, None, None]
    swing = torch.tensor([[1.0, -1.0], [-2.0, 2.0]])
    count = len(embeddings)
    boxes = np.tile(np.array([0, 0, 32, 32], dtype=np.int64), (count, 1))
    return Features((means + swing,), np.full((count, 2), 32, dtype=np.int64), boxes)


def normal(count: int, seed: int, channels: int = 6) -> NDArray[np.float64]:
    """Embeddings whose channels differ a lot in mean and spread."""
    draws = np.random.default_rng(seed).normal(size=(count, channels))
    return np.asarray(draws * np.geomspace(0.1, 5, channels) + np.linspace(-30, 30, channels))


def reference(embeddings: NDArray[np.float64]) -> EmbeddingReference:
    """Learnt from these in one batch."""
    stream = EmbeddingStream(INPUT)
    stream.add(features(embeddings))
    made = stream.reference()
    assert made is not None
    return made


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_moments_do_not_depend_on_batches_or_order(sizes: list[int], random: Random) -> None:
    """Those of numpy, however the crops come."""
    embeddings = normal(sum(sizes), len(sizes))
    order = list(range(len(embeddings)))
    random.shuffle(order)
    stream, start = EmbeddingStream(INPUT), 0
    for size in sizes:
        stream.add(features(embeddings[order[start : start + size]]))
        start += size
    made = stream.reference()
    if len(embeddings) < 2:
        assert made is None
        return
    assert made is not None
    assert made.crops == len(embeddings)
    np.testing.assert_allclose(made.mean, embeddings.mean(axis=0), rtol=1e-5, atol=1e-5)
    spread = embeddings.std(axis=0, ddof=1)
    floor = 0.05 * np.sqrt(np.mean(spread**2))
    np.testing.assert_allclose(made.deviation, np.maximum(spread, floor), rtol=1e-3, atol=1e-5)


def test_a_crop_like_those_of_training_is_about_one_away() -> None:
    """The root mean square over many crops is 1, whatever the channels' own units."""
    made = reference(normal(400, 0))
    distances = made.distances(features(normal(400, 1)))
    assert distances.shape == (400,)
    assert np.sqrt(np.mean(distances**2)) == pytest.approx(1, abs=0.1)


@given(st.lists(st.floats(0.2, 3), min_size=2, max_size=5), st.sampled_from([-1.0, 1.0]))
def test_a_greater_shift_is_further_away(steps: list[float], sign: float) -> None:
    """Every channel moved by so many of its own standard deviations, from the mean on."""
    made = reference(normal(50, 0))
    shifts = np.cumsum(steps)
    moved = np.array(made.mean) + sign * shifts[:, None] * np.array(made.deviation)
    np.testing.assert_allclose(made.distances(features(moved)), shifts, rtol=1e-3)


def test_a_channel_that_never_moved_stays_finite_and_small() -> None:
    """A dead channel that comes alive by a little does not outweigh the others."""
    embeddings = normal(50, 0)
    embeddings[:, 2] = 3.0
    made = reference(embeddings)
    moved = np.array([made.mean])
    moved[:, 2] += 0.01 * np.mean(made.deviation)
    assert 0 < made.distances(features(moved))[0] < 1


def test_copies_of_one_photo_make_finite_distances() -> None:
    """No spread at all; any other crop is then far away, but never NaN."""
    made = reference(np.repeat(normal(1, 0), 5, axis=0))
    assert np.isfinite(made.distances(features(normal(4, 1)))).all()


def test_one_crop_teaches_nothing() -> None:
    """There is no spread to measure by."""
    stream = EmbeddingStream(INPUT)
    assert stream.reference() is None
    stream.add(features(normal(1, 0)))
    assert stream.reference() is None


@pytest.mark.parametrize("channels", [MOST_CHANNELS, MOST_CHANNELS + 1, 1000])
def test_many_channels_are_averaged_in_groups(channels: int) -> None:
    """By a plain loop; the reference never grows beyond the limit."""
    embeddings = normal(3, 0, channels)
    size = -(-channels // MOST_CHANNELS)
    expected = np.stack([embeddings[:, i : i + size].mean(axis=1) for i in range(0, channels, size)], axis=1)
    assert expected.shape[1] <= MOST_CHANNELS
    np.testing.assert_allclose(pooled(features(embeddings), INPUT), expected, atol=1e-4)
    assert len(reference(embeddings).mean) == expected.shape[1]


def test_padding_does_not_count() -> None:
    """Positions beside the picture hold anything at all; those of the picture are the embedding."""
    spec = InputSpec(height=32, width=32, fit="pad")
    maps = torch.full((1, 2, 4, 4), 1e6)
    maps[:, :, 1:3] = 7.0
    wide = Features((maps,), np.array([[16, 32]]), np.array([[8, 0, 16, 32]]))
    np.testing.assert_array_equal(pooled(wide, spec), [[7.0, 7.0]])


def test_other_features_are_refused() -> None:
    """A reference of another backbone says nothing."""
    with pytest.raises(ValueError, match="5 channels do not fit a reference of 6"):
        reference(normal(5, 0)).distances(features(normal(2, 0, channels=5)))


def test_held_out_distances_are_few_and_ascending() -> None:
    """The record in the registry stays small."""
    made = reference(normal(5, 0))
    few, many = made.held_out([3.0, 1.0, 2.0]), made.held_out(np.arange(1001.0)[::-1])
    assert few.good_distances == (1.0, 2.0, 3.0)
    assert many.good_distances == pytest.approx(np.linspace(0, 1000, MOST_QUANTILES))


def test_a_fit_hands_out_the_features_it_takes(
    pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures, card: ModelCard
) -> None:
    """No crop is extracted twice, the model is the same, and the card carries the reference through JSON."""
    models = [make_model(ModelSpec(kind="padim", extractor=small), pool) for _ in range(2)]
    stream = EmbeddingStream(small.input)
    extractor = pool.get(small)
    before = extractor.pictures
    models[0].fit(pictures(20, 0), seen=stream.add)
    assert extractor.pictures == before + 20
    models[1].fit(pictures(20, 0))
    assert torch.equal(models[0].tensors()["mean"], models[1].tensors()["mean"])
    made = stream.reference()
    assert made is not None
    assert made.crops == 20
    good = made.distances(extractor(pictures(30, 1)))
    dark = made.distances(extractor([picture // 2 for picture in pictures(30, 1)]))
    assert dark.min() > good.max()
    told = card.model_copy(update={"embedding": made.held_out(good)})
    assert ModelCard.model_validate_json(told.model_dump_json()) == told
