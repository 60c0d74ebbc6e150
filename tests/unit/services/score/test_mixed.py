"""A batch that mixes plants costs one backbone pass, and each model sees only its own rows."""

from collections.abc import Sequence

import numpy as np
import pytest

from services.score.mixed import Look, score_mixed
from shared.models.base import Image
from shared.models.bundle import LoadedModel
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from tests.unit.services.cards import a_card

EXTRACTOR = ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=64, width=64))


def pictures(count: int, seed: int) -> list[Image]:
    """Noise on grey."""
    rng = np.random.default_rng(seed)
    return [rng.integers(90, 160, (64, 64, 3), dtype=np.uint8) for _ in range(count)]


@pytest.fixture(scope="module")
def pool() -> ExtractorPool:
    """One pool for the module; random weights are enough, accuracy is not under test."""
    return ExtractorPool(device="cpu")


@pytest.fixture(scope="module")
def models(pool: ExtractorPool) -> dict[str, LoadedModel]:
    """A PatchCore and a PaDiM on the same backbone and input."""
    made = {}
    for number, kind in enumerate(("patchcore", "padim")):
        model = make_model(ModelSpec(kind=kind, extractor=EXTRACTOR), pool)
        model.fit(pictures(8, number))
        made[kind] = LoadedModel(model=model, card=a_card(threshold=1.0), digest=str(number) * 64)
    return made


def looks(models: dict[str, LoadedModel], order: Sequence[str]) -> list[Look]:
    """One gating look per row."""
    return [Look(row, "champion", kind, models[kind]) for row, kind in enumerate(order)]


def test_one_pass_for_a_mixed_batch(pool: ExtractorPool, models: dict[str, LoadedModel]) -> None:
    """Two plants, two models, a shadow on top: one forward pass."""
    images = pictures(4, 9)
    wanted = [*looks(models, ["patchcore", "padim", "patchcore", "padim"]), Look(0, "shadow", "padim", models["padim"])]
    before = pool.passes
    score_mixed(images, wanted, want_map=lambda _look, _score: False)
    assert pool.passes == before + 1


def test_mixing_changes_no_score(models: dict[str, LoadedModel]) -> None:
    """Each row scores as it would alone with its own model."""
    images = pictures(5, 3)
    order = ["padim", "patchcore", "patchcore", "padim", "patchcore"]
    seen = score_mixed(images, looks(models, order), want_map=lambda _look, _score: False)
    alone = [float(models[kind].model.score([image]).image[0]) for kind, image in zip(order, images, strict=True)]
    np.testing.assert_allclose([answer.score for answer in seen], alone, rtol=1e-4)


def test_maps_only_where_wanted(models: dict[str, LoadedModel]) -> None:
    """A map is as large as its crop; the others have none."""
    images = pictures(3, 4)
    seen = score_mixed(images, looks(models, ["padim"] * 3), want_map=lambda look, _score: look.row == 1)
    assert [answer.map is None for answer in seen] == [True, False, True]
    assert seen[1].map is not None
    assert seen[1].map.shape == (64, 64)


def test_nothing_in_nothing_out(pool: ExtractorPool) -> None:
    """An empty batch does not touch the backbone."""
    before = pool.passes
    assert score_mixed([], [], want_map=lambda _look, _score: True) == []
    assert pool.passes == before
