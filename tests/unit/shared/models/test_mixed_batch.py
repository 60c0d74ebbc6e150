"""A batch that mixes plants costs one forward pass."""

from collections.abc import Callable

import numpy as np
import pytest

from shared.models.base import AnomalyModel
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.letterbox import Image
from shared.models.mixed_batch import Job, score_mixed
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec

Pictures = Callable[[int, int], list[Image]]


def fitted(kind: str, pool: ExtractorPool, spec: ExtractorSpec, good: list[Image]) -> AnomalyModel:
    """A small model of a kind."""
    model = make_model(ModelSpec(kind=kind, extractor=spec), pool)
    model.fit(good)
    return model


def test_models_of_one_extractor_share_one_pass(small: ExtractorSpec, pictures: Pictures) -> None:
    """Two plants and a shadow: one pass, one picture a part, every result where its job was."""
    pool = ExtractorPool("cpu")
    munich = fitted("padim", pool, small, pictures(8, 0))
    puebla = fitted("padim", pool, small, pictures(8, 1))
    shadow = fitted("patchcore", pool, small, pictures(8, 0))
    parts = pictures(4, 2)
    expected = {id(m): m.score(parts, maps=True) for m in (munich, puebla, shadow)}
    extractor = pool.get(small)
    passes, seen = extractor.passes, extractor.pictures
    plan = [(munich, 0), (puebla, 1), (shadow, 0), (munich, 2), (puebla, 3), (shadow, 2)]
    results = score_mixed([Job(m, parts[i], wants_map=i == 2) for m, i in plan])
    assert extractor.passes == passes + 1
    assert extractor.pictures == seen + 4
    for (model, part), result in zip(plan, results, strict=True):
        alone = expected[id(model)]
        assert result.image == pytest.approx(alone.image[part], rel=1e-4)
        assert (result.map is not None) == (part == 2)
        if result.map is not None and alone.maps is not None:
            own = alone.maps[part]
            assert own is not None
            np.testing.assert_allclose(result.map, own, rtol=1e-3)


def test_different_inputs_cost_a_pass_each(small: ExtractorSpec, pictures: Pictures) -> None:
    """No more."""
    pool = ExtractorPool("cpu")
    wide = small.model_copy(update={"input": InputSpec(height=64, width=96)})
    models = [fitted("padim", pool, spec, pictures(4, 0)) for spec in (small, wide)]
    passes = pool.passes
    results = score_mixed([Job(models[i % 2], picture) for i, picture in enumerate(pictures(6, 1))])
    assert pool.passes == passes + 2
    assert len(results) == 6


def test_no_jobs_are_no_results() -> None:
    """And no pass."""
    assert score_mixed([]) == []
