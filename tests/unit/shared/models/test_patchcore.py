"""PatchCore against a plain, slow reference."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from shared.models.base import Features, NotFitted
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.letterbox import Image
from shared.models.patchcore import PatchCore
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec

Pictures = Callable[[int, int], list[Image]]


def plain_embedding(features: Features) -> NDArray[np.float64]:
    """(N, h, w, C) by loops: 3 x 3 average with zeros around, coarse stage bilinear at half-pixel centres."""

    def pooled(stage: NDArray[np.float64]) -> NDArray[np.float64]:
        around = np.pad(stage, ((0, 0), (0, 0), (1, 1), (1, 1)))
        height, width = stage.shape[2:]
        shifts = [around[:, :, r : r + height, c : c + width] for r in range(3) for c in range(3)]
        total: NDArray[np.float64] = np.sum(shifts, axis=0)
        return total / 9

    fine, coarse = (pooled(m.double().numpy()) for m in features.maps)
    height, width = fine.shape[2:]
    wide = np.empty((*coarse.shape[:2], height, width))
    for row in range(height):
        for column in range(width):
            y = np.clip((row + 0.5) * coarse.shape[2] / height - 0.5, 0, coarse.shape[2] - 1)
            x = np.clip((column + 0.5) * coarse.shape[3] / width - 0.5, 0, coarse.shape[3] - 1)
            top, left = int(y), int(x)
            below, beside = min(top + 1, coarse.shape[2] - 1), min(left + 1, coarse.shape[3] - 1)
            v, h = y - top, x - left
            wide[:, :, row, column] = (1 - v) * (
                (1 - h) * coarse[:, :, top, left] + h * coarse[:, :, top, beside]
            ) + v * ((1 - h) * coarse[:, :, below, left] + h * coarse[:, :, below, beside])
    return np.concatenate([fine, wide], axis=1).transpose(0, 2, 3, 1)


def plain_bank(points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Greedy k-center from the point farthest from the mean."""
    nearest = np.full(len(points), np.inf)
    pick = int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmax())
    picks = []
    for _ in range(count):
        picks.append(pick)
        nearest = np.minimum(nearest, np.linalg.norm(points - points[pick], axis=1))
        pick = int(nearest.argmax())
    return points[picks]


def stretched(small: ExtractorSpec) -> ExtractorSpec:
    """Without padding, so that the reference needs no mask."""
    return small.model_copy(update={"input": InputSpec(height=64, width=64, fit="stretch")})


def fitted(pool: ExtractorPool, extractor: ExtractorSpec, images: list[Image], **options: Any) -> PatchCore:
    """A PatchCore on good pictures."""
    model = make_model(ModelSpec(kind="patchcore", extractor=extractor, options=options), pool)
    assert isinstance(model, PatchCore)
    model.fit(images)
    return model


def test_bank_and_scores_are_those_of_the_plain_method(
    pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures
) -> None:
    """All four scorings, from pictures to numbers."""
    good, parts = pictures(20, 0), pictures(4, 1)
    extractor = pool.get(stretched(small))
    embedding = np.concatenate([plain_embedding(extractor(good[:16])), plain_embedding(extractor(good[16:]))])
    bank = plain_bank(embedding.reshape(-1, embedding.shape[-1]), 26)
    queries = plain_embedding(extractor(parts)).reshape(4, 64, -1)
    expected: dict[str, list[float]] = {"top": [], "max": [], "author": [], "paper": []}
    for patches in queries:
        distances = np.array([[np.linalg.norm(patch - item) for item in bank] for patch in patches])
        nearest = np.sort(distances, axis=1)
        worst = int(nearest[:, 0].argmax())
        expected["max"].append(nearest[:, 0].max())
        expected["top"].append(np.sort(nearest[:, 0])[-6:].mean())
        exponents = np.exp(nearest[worst, :3])
        expected["author"].append((1 - exponents.max() / exponents.sum()) * nearest[worst, 0])
        item = bank[distances[worst].argmin()]
        around = np.argsort(np.linalg.norm(bank - item, axis=1))[:9]
        exponents = np.exp(distances[worst, around])
        expected["paper"].append((1 - exponents[0] / exponents.sum()) * nearest[worst, 0])
    for scoring, values in expected.items():
        options = {"scoring": scoring, "k": 3, "top_fraction": 0.1, "coreset_ratio": 0.02}
        model = fitted(pool, stretched(small), good, **options)
        np.testing.assert_allclose(model.tensors()["bank"].numpy(), bank, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(model.score(parts).image, values, rtol=1e-3)


def test_good_pictures_of_a_full_bank_score_zero(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """With every patch in the bank, a picture that was learned is at distance zero of it."""
    good = pictures(3, 0)
    model = fitted(pool, small, good, coreset_ratio=1.0)
    assert model.score(good).image.tolist() == [0, 0, 0]
    assert (model.score(pictures(3, 5)).image > 0).all()


def test_padding_is_neither_learned_nor_scored(pool: ExtractorPool, small: ExtractorSpec) -> None:
    """Of a flat crop only the cells that show it enter the bank."""
    random = np.random.default_rng(0)
    flat = [random.integers(0, 255, (32, 128, 3), np.uint8) for _ in range(2)]
    model = fitted(pool, small, flat, coreset_ratio=1.0)
    # 64 x 16 pixels inside 64 x 64: two of eight rows.
    assert len(model.tensors()["bank"]) == 2 * 2 * 8


def test_maps_have_the_crops_size_and_unit(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """A damaged spot is where the map is highest."""
    model = fitted(pool, small, pictures(12, 0), coreset_ratio=0.2)
    part = pictures(1, 9)[0]
    part[10:26, 20:36] = 255
    scores = model.score([part], maps=True)
    assert scores.maps is not None
    made = scores.maps[0]
    assert made is not None
    assert made.shape == part.shape[:2]
    assert 0 < made.max() <= model.score_features(model.extractor([part])).image[0] * 1.5


def test_the_order_of_pictures_does_not_matter(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """The same bank, whoever came first."""
    good = pictures(16, 0)
    straight = fitted(pool, small, good, coreset_ratio=0.05).tensors()["bank"]
    turned = fitted(pool, small, good[::-1], coreset_ratio=0.05).tensors()["bank"]
    torch.testing.assert_close(straight, turned, rtol=1e-4, atol=1e-4)


def test_a_limit_on_patches_holds(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """Memory is bounded; the bank is drawn from the sample."""
    model = fitted(pool, small, pictures(12, 0), max_patches=50, coreset_ratio=1.0)
    assert len(model.tensors()["bank"]) == 50


def test_progress_tells_both_stages(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """Pictures first, with their total where the source knows it, then picks."""
    told: list[tuple[str, int, int | None]] = []
    spec = ModelSpec(kind="patchcore", extractor=small, options={"coreset_ratio": 0.2})
    model = make_model(spec, pool)
    model.fit(pictures(20, 0), progress=lambda *step: told.append(step))
    assert told[:2] == [("features", 16, 20), ("features", 20, 20)]
    assert {stage for stage, _, _ in told[2:]} == {"coreset"}
    model.fit(iter(pictures(3, 0)), progress=lambda *step: told.append(step))
    assert ("features", 3, None) in told


@pytest.mark.parametrize("options", [{"coreset_ratio": 0}, {"k": 0}, {"scoring": "best"}, {"nonsense": 1}])
def test_options_are_validated(pool: ExtractorPool, small: ExtractorSpec, options: dict[str, Any]) -> None:
    """Before anything runs."""
    with pytest.raises(ValidationError):
        make_model(ModelSpec(kind="patchcore", extractor=small, options=options), pool)


def test_the_authors_weight_needs_neighbours(pool: ExtractorPool, small: ExtractorSpec) -> None:
    """With k = 1 every score would be zero."""
    with pytest.raises(ValueError, match="k >= 2"):
        make_model(ModelSpec(kind="patchcore", extractor=small, options={"scoring": "author"}), pool)


def test_an_unfitted_model_says_so(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """Instead of a score."""
    model = make_model(ModelSpec(kind="patchcore", extractor=small), pool)
    with pytest.raises(NotFitted):
        model.score(pictures(1, 0))
    with pytest.raises(NotFitted):
        model.tensors()
    with pytest.raises(ValueError, match="at least one good picture"):
        model.fit([])
