"""Training scenes of the detector."""

import numpy as np

from training.detector import scenes


def test_same_seed_same_scene() -> None:
    """A scene is a function of its seed."""
    first, again, other = (scenes.make(seed, 192) for seed in (4, 4, 5))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    assert first.image.shape != other.image.shape or (first.image != other.image).any()


def test_shares_add_up() -> None:
    """The kinds' shares are a distribution."""
    assert sum(scenes.KINDS.values()) == 1


def test_scenes_are_what_their_kind_says() -> None:
    """Scenes without a label have an empty mask; nearly all others show one; every kind occurs."""
    made = [scenes.make(seed, 160) for seed in range(120)]
    assert {scene.kind for scene in made} == set(scenes.KINDS)
    for scene in made:
        assert scene.image.dtype == np.uint8
        assert scene.image.shape == (*scene.mask.shape, 3)
        assert max(scene.mask.shape) == 160
        if scene.kind == "none":
            assert not scene.mask.any()
    labelled = [scene.mask.any() for scene in made if scene.kind != "none"]
    assert np.mean(labelled) > 0.97
