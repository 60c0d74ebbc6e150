"""Cheap random fields: drawing millions of normal numbers a photo would cost more than all the rest."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

_TILE = 2048


@lru_cache(maxsize=1)
def _tile() -> NDArray[np.float32]:
    tile = np.random.default_rng(20231).standard_normal((_TILE, _TILE), np.float32)
    tile.setflags(write=False)
    return tile


def white(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Return unit-variance white noise (H, W), H and W at most 2048: a random window of one fixed field."""
    y, x = (int(rng.integers(0, _TILE - n + 1)) for n in (height, width))
    step_y, step_x = (1 if rng.random() < 0.5 else -1 for _ in range(2))
    return _tile()[y : y + height, x : x + width][::step_y, ::step_x]


def smooth(rng: np.random.Generator, height: int, width: int, cells: int) -> NDArray[np.float32]:
    """Return a smooth field (H, W) of about unit variance with ``cells`` bumps along its longer side."""
    rows = max(2, round(cells * height / max(height, width)) + 1)
    columns = max(2, round(cells * width / max(height, width)) + 1)
    coarse = rng.standard_normal((rows, columns), np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
