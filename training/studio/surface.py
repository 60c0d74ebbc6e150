"""The state of one physical label, between rendering and photographing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.studio import noise
from training.studio.label import Lettering

Map = NDArray[np.float32]


@dataclass(slots=True)
class Surface:
    """Maps (float32, H x W) of one label with its margin, all in [0, 1]; damage edits them in place."""

    albedo: Map
    """Share of light sent back by the print and the film."""
    sheen: Map
    """Light added by the film's gloss, whatever lies under it."""
    alpha: Map
    """1 where there is label, 0 where the body shows."""
    shadow: Map
    """Share of light the label takes from the body around it."""
    damage: NDArray[np.bool_]
    scale: float
    """Pixels per millimetre."""
    corners: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the maps."""
        return self.albedo.shape[0], self.albedo.shape[1]


def fresh(rng: np.random.Generator, lettering: Lettering) -> Surface:
    """Make an undamaged label: black film, white lettering, and what no good label is free of.

    Good labels differ in print density, in fine grain, in a few specks of dust, and in how strongly
    their edge shows; none of it counts as damage.
    """
    height, width = lettering.ink.shape
    film, ink = float(rng.normal(0.062, 0.006)), float(rng.normal(0.80, 0.025))
    albedo = np.asarray(cv2.LUT(lettering.ink, np.linspace(film, ink, 256, dtype=np.float32)), np.float32)
    albedo += noise.white(rng, height, width) * np.float32(rng.uniform(0.003, 0.007))
    alpha = lettering.silhouette.astype(np.float32) * np.float32(1 / 255)
    sheen: Map = np.maximum(noise.smooth(rng, height, width, 7) * np.float32(0.004), np.float32(0))
    surface = Surface(
        albedo, sheen, alpha, np.zeros_like(alpha), np.zeros(alpha.shape, np.bool_), lettering.scale, lettering.corners
    )
    _dust(rng, surface)
    _edge(rng, surface)
    return surface


def _dust(rng: np.random.Generator, surface: Surface) -> None:
    height, width = surface.shape
    for _ in range(int(rng.poisson(5))):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        radius = rng.uniform(0.03, 0.11) * surface.scale
        cv2.circle(
            surface.albedo, (x * 8, y * 8), max(2, round(radius * 8)), float(rng.uniform(0.1, 0.4)), -1, cv2.LINE_AA, 3
        )


def _edge(rng: np.random.Generator, surface: Surface) -> None:
    """Light the film's cut edge a little and let it drop a hairline shadow."""
    thickness = max(1, round(0.16 * surface.scale))
    kernel = np.ones((2 * thickness + 1,) * 2, np.uint8)
    inner = surface.alpha - cv2.erode(surface.alpha, kernel)
    surface.sheen += inner * np.float32(rng.uniform(0.015, 0.05))
    soft = cv2.GaussianBlur(surface.alpha, (0, 0), 0.22 * surface.scale)
    np.maximum(surface.shadow, soft * np.float32(rng.uniform(0.2, 0.4)), out=surface.shadow)
