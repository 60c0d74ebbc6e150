"""Edge damage: a lifted corner or edge, a tear, a chip."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from training.studio import noise
from training.studio.surface import Map, Surface


@dataclass(frozen=True, slots=True)
class _Border:
    """A stretch of the label's border: distances in pixels, each map (H, W)."""

    depth: Map
    """How far inside the border a pixel lies; negative outside."""
    along: Map
    """Where along the border it lies."""
    middle: float
    """The place on the border that is struck, in units of ``along``."""


def edge(rng: np.random.Generator, surface: Surface, size: float, contrast: float) -> None:
    """Lift, tear or chip the border, from about 2 mm (``size`` 0) to 14 mm (``size`` 1)."""
    reach = (1.8 + 12.5 * size**1.15) * surface.scale
    border = _struck_border(rng, surface)
    match str(rng.choice(["lift", "tear", "chip"], p=[0.5, 0.25, 0.25])):
        case "lift":
            _lift(rng, surface, border, reach=reach, contrast=contrast)
        case "tear":
            _part(rng, surface, border, reach=reach, contrast=contrast, fibre=float(rng.uniform(0.15, 0.6)))
        case _:
            _part(rng, surface, border, reach=0.6 * reach, contrast=contrast, fibre=float(rng.uniform(0.15, 0.3)))


def _struck_border(rng: np.random.Generator, surface: Surface) -> _Border:
    """Choose where the border is struck: at a corner, seen along its diagonal, or somewhere on a side."""
    height, width = surface.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    (left, top), (right, bottom) = surface.corners[0], surface.corners[2]
    if rng.random() < 0.55:
        cx, sx = (left, 1.0) if rng.random() < 0.5 else (right, -1.0)
        cy, sy = (top, 1.0) if rng.random() < 0.5 else (bottom, -1.0)
        tilt = rng.uniform(0.5, 1.07)
        u, v = sx * (xs - cx), sy * (ys - cy)
        return _Border(u * np.float32(np.cos(tilt)) + v * np.float32(np.sin(tilt)), v - u, 0.0)
    if rng.random() < 0.5:
        middle = float(rng.uniform(0.15, 0.85) * (right - left))
        return _Border(ys - top if rng.random() < 0.5 else bottom - ys, xs - left, middle)
    middle = float(rng.uniform(0.2, 0.8) * (bottom - top))
    return _Border(xs - left if rng.random() < 0.5 else right - xs, ys - top, middle)


def _lift(rng: np.random.Generator, surface: Surface, border: _Border, *, reach: float, contrast: float) -> None:
    """Fold the film up along a line ``reach`` inside the border: it shortens, brightens and throws a shadow."""
    depth = border.depth
    span = reach * rng.uniform(1.5, 3.5)
    taper = np.exp(-(((border.along - border.middle) / span) ** 2)).astype(np.float32)
    fold = reach * taper
    raised = np.clip(1 - depth / np.maximum(fold, 1e-3), 0, 3) * (fold > 0.25 * reach) * (depth > -reach)
    raised = raised.astype(np.float32)
    lifted = (raised > 0.02) & (surface.alpha > 0.5)
    # Foreshortening: what stood `raised * fold` beyond the fold line is now seen nearer to it.
    shorten = np.float32(0.25 + 0.45 * contrast) * raised * fold * np.float32(0.5)
    gy, gx = np.gradient(depth)
    ys, xs = np.mgrid[0 : depth.shape[0], 0 : depth.shape[1]].astype(np.float32)
    map_x, map_y = (xs - gx * shorten).astype(np.float32), (ys - gy * shorten).astype(np.float32)
    before = surface.alpha.copy()
    surface.alpha[:] = cv2.remap(surface.alpha, map_x, map_y, cv2.INTER_LINEAR, borderValue=0.0)
    surface.albedo[:] = cv2.remap(surface.albedo, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    on_film = np.clip(raised, 0, 1) * surface.alpha
    towards_lamp = rng.random() < 0.8
    surface.albedo *= np.clip(1 + (0.5 if towards_lamp else -0.5) * contrast * on_film, 0.3, 1.6)
    if towards_lamp:
        surface.sheen += np.float32(rng.uniform(0.12, 0.4) * contrast) * on_film**1.5
    if rng.random() < 0.4:  # curled so far that the pale adhesive side shows
        curl = np.clip((on_film - 0.6) * 8, 0, 1)
        surface.albedo += (np.float32(rng.uniform(0.3, 0.6)) - surface.albedo) * curl * np.float32(contrast)
    line = np.exp(-(((depth - fold) / (0.3 * surface.scale)) ** 2)).astype(np.float32)
    surface.sheen += np.float32(0.22 * contrast) * line * surface.alpha * (fold > 0.3 * reach)
    shade = cv2.GaussianBlur(np.clip(raised, 0, 1) * before, (0, 0), max(0.3, 0.12 * reach))
    np.maximum(surface.shadow, np.clip(1.5 * contrast * shade, 0, 0.85), out=surface.shadow)
    surface.damage |= lifted | ((before > 0.5) & (surface.alpha < 0.5) & (raised > 0))


def _part(
    rng: np.random.Generator, surface: Surface, border: _Border, *, reach: float, contrast: float, fibre: float
) -> None:
    """Take a ragged piece away; a pale rim ``fibre`` millimetres wide is left where the film parted."""
    height, width = surface.shape
    offset = (border.along - border.middle) / np.float32(reach * rng.uniform(0.5, 1.6))
    outline = np.sqrt(np.clip(1 - offset * offset, 0, 1))
    ragged = 0.18 * noise.smooth(rng, height, width, 24) + 0.08 * noise.smooth(rng, height, width, 90)
    bite = reach * outline * (1 + ragged) - border.depth - np.where(outline > 0, 0, 1e3)
    gone = np.clip(bite + 0.5, 0, 1).astype(np.float32)
    rim = np.clip(bite + max(1.0, fibre * surface.scale) + 0.5, 0, 1).astype(np.float32) - gone
    hit = ((gone > 0.5) | (rim > 0.5)) & (surface.alpha > 0.5)
    surface.albedo += (np.float32(rng.uniform(0.5, 0.8)) - surface.albedo) * rim * np.float32(contrast)
    if rng.random() < 0.35 or contrast < 0.3:  # only the top film is gone: the adhesive layer stays
        surface.albedo += (np.float32(rng.uniform(0.15, 0.5)) - surface.albedo) * gone * np.float32(contrast)
    else:
        surface.alpha *= 1 - gone
    surface.damage |= hit
