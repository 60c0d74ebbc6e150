"""Studio labels with corners that are off as a detector's are, and a reference learnt from some of them."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shared.registration_reference import Reference, pack, unpack
from training.reference import Learnt, learn, views_of
from training.studio.photo import StudioPhoto, photograph

HEIGHT, WIDTH = 192, 320


def off(corners: NDArray[np.float32], seed: int, share: float = 0.02) -> NDArray[np.float32]:
    """The corners, each moved by up to `share` of the label's width."""
    width = float(np.linalg.norm(corners[1] - corners[0]))
    moves = np.random.default_rng(seed).uniform(-share, share, (4, 2)) * width
    return (corners + moves).astype(np.float32)


@lru_cache(maxsize=32)
def label(seed: int, damage: str | None = None, layout: str = "us") -> StudioPhoto:
    """A stationary photo."""
    return photograph(seed, layout=layout, camera="stationary", damage=damage, severity=0.9 if damage else None)  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def learnt() -> Learnt:
    """Learnt from twelve good labels."""
    photos = [label(seed) for seed in range(100, 112)]
    views = views_of(((photo.image, off(photo.polygon, i)) for i, photo in enumerate(photos)), HEIGHT, WIDTH)
    return learn(views, HEIGHT, WIDTH)


@lru_cache(maxsize=1)
def packed() -> bytes:
    """The reference's file."""
    reference = learnt().reference
    assert reference is not None
    return pack(reference, {})


def reference() -> Reference:
    """The reference as the line reads it."""
    return unpack(packed())
