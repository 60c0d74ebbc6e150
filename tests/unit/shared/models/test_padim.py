"""PaDiM against a plain, slow reference."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.models.base import NotFitted
from shared.models.extractor import ExtractorPool
from shared.models.gaussian_stream import GaussianStream
from shared.models.kinds import make_model
from shared.models.letterbox import Image
from shared.models.padim import Padim
from shared.models.patch_embedding import patch_embedding
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec

Pictures = Callable[[int, int], list[Image]]


def fitted(pool: ExtractorPool, extractor: ExtractorSpec, images: list[Image], **options: Any) -> Padim:
    """A PaDiM on good pictures."""
    model = make_model(ModelSpec(kind="padim", extractor=extractor, options=options), pool)
    assert isinstance(model, Padim)
    model.fit(images)
    return model


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.floats(-1e3, 1e3))
def test_streamed_moments_are_those_of_numpy(sizes: list[int], offset: float) -> None:
    """However the pictures are batched, and far from the origin."""
    values = np.random.default_rng(len(sizes)).normal(size=(sum(sizes), 3, 4)) + offset
    stream = GaussianStream()
    start = 0
    for size in sizes:
        stream.add(torch.from_numpy(values[start : start + size]))
        start += size
    np.testing.assert_allclose(stream.mean().numpy(), values.mean(axis=0), atol=1e-9)
    if len(values) < 2:
        with pytest.raises(ValueError, match="at least two good pictures"):
            stream.covariance(slice(None))
        return
    covariance = stream.covariance(slice(None)).numpy()
    for position in range(3):
        np.testing.assert_allclose(covariance[position], np.cov(values[:, position].T), atol=1e-9)


@pytest.mark.parametrize("author", [False, True])
def test_scores_are_those_of_the_plain_method(
    pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures, author: bool
) -> None:
    """By numpy's covariance, its inverse and a loop over positions; fewer pictures than channels."""
    extractor_spec = small.model_copy(update={"input": InputSpec(height=64, width=64, fit="stretch")})
    options = (
        {"average_pool": False, "upsampling": "nearest", "scoring": "max", "channels": 60}
        if author
        else {"top_fraction": 0.05}
    )
    good, parts = pictures(40, 0), pictures(3, 1)
    model = fitted(pool, extractor_spec, good, **options)
    extractor = pool.get(extractor_spec)

    def embed(images: list[Image]) -> np.ndarray:
        maps = extractor(images).maps
        embedding = patch_embedding(
            maps, average_pool=not author, upsampling="nearest" if author else "bilinear"
        ).double()
        if author:
            repeated = maps[1].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
            assert torch.equal(embedding, torch.cat([maps[0], repeated], dim=1).double())
        return embedding[:, model.tensors()["channels"]].numpy()

    train = np.concatenate([embed(good[i : i + 16]) for i in range(0, 40, 16)])
    test = embed(parts)
    distances = np.empty((3, 64))
    for position in range(64):
        row, column = divmod(position, 8)
        here = train[:, :, row, column]
        inverse = np.linalg.inv(np.cov(here.T) + 0.01 * np.eye(here.shape[1]))
        for part in range(3):
            away = test[part, :, row, column] - here.mean(axis=0)
            distances[part, position] = np.sqrt(away @ inverse @ away)
    expected = distances.max(axis=1) if author else np.sort(distances, axis=1)[:, -3:].mean(axis=1)
    np.testing.assert_allclose(model.score(parts).image, expected, rtol=2e-4)


def test_the_subset_of_channels_is_seeded(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """Sorted, without repetition, the same for the same seed."""
    good = pictures(4, 0)
    chosen = [fitted(pool, small, good, channels=20, seed=seed).tensors()["channels"].tolist() for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert chosen[0] == sorted(set(chosen[0]))
    with pytest.raises(ValueError, match="153 channels asked, but the stages have 152"):
        fitted(pool, small, good, channels=153)


def test_a_damaged_spot_scores_higher_and_shows(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """Also with random weights: white where it was never white."""
    model = fitted(pool, small, pictures(40, 0))
    part = pictures(1, 9)[0]
    damaged = part.copy()
    damaged[20:36, 25:41] = 255
    scores = model.score([part, damaged], maps=[False, True])
    assert scores.image[1] > 1.5 * scores.image[0]
    assert scores.maps is not None
    assert scores.maps[0] is None
    made = scores.maps[1]
    assert made is not None
    assert made.shape == damaged.shape[:2]
    row, column = np.unravel_index(made.argmax(), made.shape)
    assert 10 <= row <= 46
    assert 15 <= column <= 51


def test_too_few_pictures_are_refused(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """A covariance needs two."""
    for count in (0, 1):
        with pytest.raises(ValueError, match="at least two good pictures"):
            fitted(pool, small, pictures(count, 0))


def test_an_unfitted_model_says_so(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """Also after a fit that failed."""
    model = make_model(ModelSpec(kind="padim", extractor=small), pool)
    with pytest.raises(ValueError, match="at least two"):
        model.fit(pictures(1, 0))
    with pytest.raises(NotFitted):
        model.score(pictures(1, 0))
    with pytest.raises(NotFitted):
        model.tensors()


def test_features_of_another_input_are_refused(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """Positions would not correspond."""
    model = fitted(pool, small, pictures(4, 0))
    other = pool.get(small.model_copy(update={"input": InputSpec(height=96, width=96)}))
    with pytest.raises(ValueError, match="do not fit"):
        model.score_features(other(pictures(1, 0)))
