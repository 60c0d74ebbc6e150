"""Training the orientation network: short, real runs."""

from pathlib import Path

import numpy as np

from shared.models.orientation import LabelOrientation
from training.detector import orient


def test_samples_are_seeded() -> None:
    """The same seed gives the same crop; another seed another."""
    first, again, other = (orient.sample(seed, 160) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()
    assert np.array_equal(orient.blank(3, 160), orient.blank(3, 160))


def test_a_short_run_ships_a_loadable_file(tmp_path: Path) -> None:
    """Training writes a file the product loads, and reports its progress to the end."""
    ticks: list[tuple[int, int]] = []
    path = orient.train(
        tmp_path / "o.safetensors", steps=3, labels=40, progress=lambda done, of: ticks.append((done, of))
    )
    crop = orient.sample(99, 160)
    probability = LabelOrientation.load(path).probability(crop)
    turned = LabelOrientation.load(path).probability(np.ascontiguousarray(crop[::-1, ::-1]))
    assert ticks[-1] == (3, 3)
    assert abs(probability + turned - 1) < 1e-3
