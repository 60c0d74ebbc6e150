"""Light on a scene: slow gradients, cast shadows, glare, reflections."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.studio import noise

Map = NDArray[np.float32]
_GRID = 8
"""Light fields are computed on every 8th pixel and enlarged: they are smooth."""


def _enlarge(field: NDArray[np.floating], height: int, width: int) -> Map:
    return np.asarray(cv2.resize(field.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _mesh(height: int, width: int) -> tuple[Map, Map]:
    """Coordinates on the coarse grid, in units of the photo's width, from its centre."""
    rows, columns = max(4, height // _GRID), max(4, width // _GRID)
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
    return (xs + 0.5) / columns - 0.5, ((ys + 0.5) / rows - 0.5) * (height / width)


def station(height: int, width: int) -> Map:
    """The light of a line station: fixed lamps, slightly brighter at the upper left, a faint lens vignette."""
    x, y = _mesh(height, width)
    return _enlarge(1.04 - 0.13 * x - 0.18 * y - 0.22 * (x * x + y * y), height, width)


def hand_held(rng: np.random.Generator, height: int, width: int) -> Map:
    """The light a phone meets: uneven, sometimes with a hard shadow across it, darker towards the corners."""
    x, y = _mesh(height, width)
    field = np.exp(noise.smooth(rng, x.shape[0], x.shape[1], 2) * rng.uniform(0.05, 0.22))
    field *= 1 - rng.uniform(0.1, 0.7) * (x * x + y * y)
    if rng.random() < 0.35:
        turn, offset = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.22)
        side = (
            x * np.cos(turn) + y * np.sin(turn) + 0.02 * noise.smooth(rng, x.shape[0], x.shape[1], 3) - offset
        ) / rng.uniform(0.008, 0.12)
        field *= 1 - rng.uniform(0.25, 0.65) / (1 + np.exp(-np.clip(side, -30, 30)))
    return _enlarge(field, height, width)


def glare(rng: np.random.Generator, height: int, width: int, strength: float = 1.0) -> Map:
    """Light added by lamps and windows mirrored in gloss: streaks, spots, soft veils."""
    x, y = _mesh(height, width)
    field = np.zeros_like(x)
    for _ in range(int(rng.poisson(0.9 * strength))):
        turn = rng.uniform(0, np.pi)
        u = (x - rng.normal(0, 0.3)) * np.cos(turn) + (y - rng.normal(0, 0.2)) * np.sin(turn)
        v = -(x - rng.normal(0, 0.3)) * np.sin(turn) + (y - rng.normal(0, 0.2)) * np.cos(turn)
        spot = np.exp(-((u / rng.uniform(0.02, 0.09)) ** 2) - (v / rng.uniform(0.03, 0.5)) ** 2)
        field += spot * rng.uniform(0.05, 0.75) ** 1.5
    veil = np.maximum(noise.smooth(rng, x.shape[0], x.shape[1], int(rng.integers(2, 9))), 0)
    field += veil * abs(rng.normal(0, 0.025 * strength))
    return _enlarge(field, height, width)
