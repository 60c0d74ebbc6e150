"""A batch that mixes plants costs one backbone pass, and each model sees only its own rows."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from services.score.mixed import Look, score_mixed
from shared.models.base import FeatureExtractor, Features, Image
from shared.models.bundle import LoadedModel
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.memory import MemoryRoom
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from tests.unit.faults import Told
from tests.unit.services.cards import a_card

EXTRACTOR = ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=64, width=64))


def pictures(count: int, seed: int) -> list[Image]:
    """Noise on grey."""
    rng = np.random.default_rng(seed)
    return [rng.integers(90, 160, (64, 64, 3), dtype=np.uint8) for _ in range(count)]


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


class _SmallCard:
    """An extractor on a device on which at most `fits` pictures fit at once."""

    def __init__(self, extractor: FeatureExtractor, fits: int) -> None:
        self._extractor = extractor
        self.spec, self.device, self.dimensions = extractor.spec, extractor.device, extractor.dimensions
        self.trunk = self
        self.fits = fits
        self.sizes: list[int] = []

    def __call__(self, images: Sequence[Image], stages: Sequence[int]) -> Features:
        """Features, or no memory."""
        assert tuple(stages) == self.spec.stages
        self.sizes.append(len(images))
        if len(images) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self._extractor(images)


@pytest.mark.parametrize("fits", [1, 3, 5])
def test_a_batch_that_does_not_fit_is_scored_in_parts(models: dict[str, LoadedModel], fits: int) -> None:
    """Two models, shadows, maps: every look gets the answer that it gets in one piece."""
    images = pictures(8, 5)
    order = ["patchcore", "padim"] * 4
    wanted = [*looks(models, order), *(Look(row, "shadow", "padim", models["padim"]) for row in (0, 6))]
    whole = score_mixed(images, wanted, want_map=lambda look, _score: look.row % 3 == 0)
    card = _SmallCard(models["padim"].model.extractor, fits)
    before = {kind: loaded.model.extractor for kind, loaded in models.items()}
    told = Told()
    try:
        for loaded in models.values():
            loaded.model.extractor = card
        room = MemoryRoom(told)
        parts = score_mixed(images, wanted, want_map=lambda look, _score: look.row % 3 == 0, room=room)
    finally:
        for kind, loaded in models.items():
            loaded.model.extractor = before[kind]
    assert max(card.sizes[-2:]) <= fits
    assert told.kinds == ["out_of_memory"]
    np.testing.assert_allclose([seen.score for seen in parts], [seen.score for seen in whole], rtol=1e-4)
    assert [seen.map is None for seen in parts] == [seen.map is None for seen in whole]
    for one, other in zip(parts, whole, strict=True):
        if one.map is not None and other.map is not None:
            np.testing.assert_allclose(one.map, other.map, rtol=1e-3, atol=1e-3)
