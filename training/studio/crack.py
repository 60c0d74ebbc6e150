"""Cracks: branching lines where the film has parted and lighter substrate shows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.studio.surface import Surface


def crack(rng: np.random.Generator, surface: Surface, size: float, contrast: float) -> None:
    """Draw a crack of 3 mm (``size`` 0) to about two thirds of the label (``size`` 1)."""
    scale = surface.scale
    left, top = surface.corners[0]
    right, bottom = surface.corners[2]
    start = np.array([rng.uniform(left, right), rng.uniform(top, bottom)])
    if rng.random() < 0.5:  # cracks like to start at an edge
        start[1] = top if rng.random() < 0.5 else bottom
    towards = np.array([(left + right) / 2, (top + bottom) / 2]) - start
    heading = float(np.arctan2(towards[1], towards[0]) + rng.normal(0, 0.7))
    length = (3 + size**1.3 * 0.65 * (right - left) / scale) * scale
    coverage = np.zeros(surface.shape, np.uint8)
    width = (0.10 + 0.42 * size * rng.uniform(0.5, 1.2)) * scale
    _walk(rng, coverage, start, heading, length=length, width=width, depth=2)

    open_film = coverage.astype(np.float32) * np.float32(1 / 255) * surface.alpha
    shade = cv2.GaussianBlur(open_film, (0, 0), 0.18 * scale)
    lit = np.roll(shade, (round(0.15 * scale), round(0.1 * scale)), (0, 1))
    substrate = np.float32(rng.uniform(0.35, 0.75) if rng.random() < 0.88 else 0.01)
    surface.albedo += (substrate - surface.albedo) * open_film * np.float32(contrast)
    surface.albedo *= 1 - np.float32(0.5 * contrast) * np.maximum(shade - open_film, 0)
    surface.sheen += np.maximum(lit - shade, 0) * np.float32(0.35 * contrast)  # the raised lip catches light
    surface.damage |= open_film > 0.25


def _walk(
    rng: np.random.Generator,
    coverage: NDArray[np.uint8],
    start: NDArray[np.float64],
    heading: float,
    *,
    length: float,
    width: float,
    depth: int,
) -> None:
    """Draw one jagged line that thins towards its tip, and its branches."""
    steps = max(4, int(length / max(3.0, length / 40)))
    turns = rng.normal(0, 0.32, steps) - 0.12 * np.sin(np.linspace(0, 9, steps))
    angles = heading + np.cumsum(turns) * 0.55
    pace = length / steps * rng.uniform(0.6, 1.4, steps)
    moves = np.stack([np.cos(angles), np.sin(angles)], 1) * pace[:, None]
    points = np.concatenate([start[None], start + np.cumsum(moves, 0)])
    for index in range(steps):
        taper = width * (1 - 0.8 * index / steps)
        ends = np.round(points[index : index + 2] * 16).astype(np.int32)
        if taper >= 1:
            cv2.polylines(coverage, [ends], False, 255, max(1, round(taper)), cv2.LINE_AA, 4)
        else:  # thinner than a pixel: paint it fainter instead
            cv2.polylines(coverage, [ends], False, max(60, round(255 * taper)), 1, cv2.LINE_AA, 4)
    if depth:
        for _ in range(int(rng.poisson(1.1))):
            fork = int(rng.integers(1, steps))
            side = float(rng.choice([-1, 1]) * rng.uniform(0.5, 1.2))
            _walk(
                rng,
                coverage,
                points[fork],
                float(angles[fork - 1]) + side,
                length=length * rng.uniform(0.15, 0.45),
                width=width * 0.6,
                depth=depth - 1,
            )
