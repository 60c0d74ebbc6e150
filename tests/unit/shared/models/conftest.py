"""One pool with random weights for all tests of the models: nothing here depends on what a network has learned."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.models.card import Calibration, DataSummary, ModelCard
from shared.models.extractor import ExtractorPool
from shared.models.spec import ExtractorSpec, InputSpec, WeightsSpec

Image = NDArray[np.uint8]


@pytest.fixture(scope="session")
def pool() -> ExtractorPool:
    """On the CPU, so that results are the same on every machine."""
    return ExtractorPool("cpu")


@pytest.fixture(scope="session")
def small() -> ExtractorSpec:
    """A quick extractor: 64 x 64 input, so an 8 x 8 and a 4 x 4 grid; random weights, asked for by name."""
    return ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=64, width=64))


@pytest.fixture(scope="session")
def pictures() -> Callable[[int, int], list[Image]]:
    """`pictures(count, seed)`: smooth pictures of several shapes, alike but not equal."""

    def make(count: int, seed: int) -> list[Image]:
        random = np.random.default_rng(seed)
        made = []
        for _ in range(count):
            height, width = (int(n) for n in random.integers(50, 90, 2))
            ramp = np.linspace(60, 180, width)[None, :, None] + np.zeros((height, 1, 3))
            made.append(np.clip(ramp + random.normal(0, 12, (height, width, 3)), 0, 255).astype(np.uint8))
        return made

    return make


@pytest.fixture
def card() -> ModelCard:
    """A card that says no more than it must."""
    return ModelCard(
        calibration=Calibration(rule="manual", threshold=1.25, good_parts=0, damaged_parts=0),
        metrics={"auroc": 0.5},
        data=DataSummary(
            name="synthetic",
            digest="0" * 64,
            train_good=12,
            calibration_good=0,
            calibration_damaged=0,
            test_good=0,
            test_damaged=0,
        ),
        protocol="clean",
        code_version="0",
        weights_are_random=True,
    )
