"""Bubbles: air under the film. They bend the print and catch the light on one flank."""

from __future__ import annotations

import cv2
import numpy as np

from training.studio import noise
from training.studio.surface import Surface


def bubbles(rng: np.random.Generator, surface: Surface, size: float, contrast: float) -> None:
    """Raise one to a few bubbles of 1 mm (``size`` 0) to about 8 mm (``size`` 1) radius."""
    count = 1 + int(rng.poisson(0.8))
    light = float(rng.uniform(0, 2 * np.pi))
    radius = 1.0 + 7.2 * size**1.2
    left, top = surface.corners[0]
    right, bottom = surface.corners[2]
    x, y = rng.uniform(left, right), rng.uniform(top, bottom)
    for index in range(count):
        shrink = 1.0 if index == 0 else rng.uniform(0.25, 0.7)
        _bubble(rng, surface, (float(x), float(y)), radius * shrink * surface.scale, contrast=contrast, light=light)
        x, y = x + rng.normal(0, 2.2 * radius * surface.scale), y + rng.normal(0, 1.6 * radius * surface.scale)


def _bubble(
    rng: np.random.Generator,
    surface: Surface,
    centre: tuple[float, float],
    radius: float,
    *,
    contrast: float,
    light: float,
) -> None:
    """Raise one bubble, ``radius`` pixels wide, lit from the direction ``light`` (radians)."""
    x, y = centre
    reach = round(radius * 1.8) + 3
    x0, x1 = max(int(x) - reach, 0), min(int(x) + reach + 1, surface.shape[1])
    y0, y1 = max(int(y) - reach, 0), min(int(y) + reach + 1, surface.shape[0])
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    ys, xs = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(1.0, 1.6)
    u = ((xs - x) * np.cos(turn) + (ys - y) * np.sin(turn)) / (radius * stretch**0.5)
    v = (-(xs - x) * np.sin(turn) + (ys - y) * np.cos(turn)) / (radius / stretch**0.5)
    ragged = 1 + 0.16 * noise.smooth(rng, y1 - y0, x1 - x0, 4)
    height = np.clip(1 - (u * u + v * v) * ragged, 0, 1).astype(np.float32)
    height = height * height * (3 - 2 * height)
    slope_x = np.gradient(height, axis=1) * radius
    slope_y = np.gradient(height, axis=0) * radius
    facing = slope_x * np.cos(light) + slope_y * np.sin(light)

    window = np.s_[y0:y1, x0:x1]
    alpha = surface.alpha[window]
    bend = 0.10 * contrast * radius
    map_x = (xs - x0 + slope_x * bend).astype(np.float32)
    map_y = (ys - y0 + slope_y * bend).astype(np.float32)
    albedo = cv2.remap(surface.albedo[window], map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    surface.albedo[window] = albedo * np.clip(1 + 0.45 * contrast * facing * alpha, 0.3, 1.7)
    glint = np.exp(-(((facing - 0.9) / 0.35) ** 2)) * (height > 0.02)
    rim = np.clip(np.abs(facing) - 0.2, 0, 1)
    surface.sheen[window] += (contrast * alpha * (0.26 * glint + 0.06 * rim + 0.03 * height)).astype(np.float32)
    surface.damage[window] |= (height > 0.04) & (alpha > 0.5)
