"""Edge damage: a lifted corner or edge, a tear, a chip."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.studio import noise
from training.studio.surface import Map, Surface


def edge(rng: np.random.Generator, surface: Surface, size: float, contrast: float) -> None:
    """Lift, tear or chip the border, from about 1.2 mm (``size`` 0) to 16 mm (``size`` 1)."""
    kind = rng.choice(["lift", "tear", "chip"], p=[0.5, 0.25, 0.25])
    reach = (1.2 + 13.0 * size**1.3) * surface.scale
    depth, along, middle = _border_frame(rng, surface)
    if kind == "lift":
        _lift(rng, surface, depth, along, middle, reach, contrast)
    else:
        _part(
            rng,
            surface,
            depth,
            along,
            middle,
            reach * (1.0 if kind == "tear" else 0.45),
            contrast,
            paper=kind == "tear",
        )


def _border_frame(rng: np.random.Generator, surface: Surface) -> tuple[Map, Map, float]:
    """Return the distance from one border (pixels, growing inwards), the position along it, and a place on it.

    A corner is struck as often as a side: there the "border" is the corner's diagonal.
    """
    height, width = surface.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    (left, top), (right, bottom) = surface.corners[0], surface.corners[2]
    if rng.random() < 0.55:
        cx, sx = (left, 1.0) if rng.random() < 0.5 else (right, -1.0)
        cy, sy = (top, 1.0) if rng.random() < 0.5 else (bottom, -1.0)
        tilt = rng.uniform(0.5, 1.07)
        u, v = sx * (xs - cx), sy * (ys - cy)
        return u * np.float32(np.cos(tilt)) + v * np.float32(np.sin(tilt)), v - u, 0.0
    match int(rng.integers(4)):
        case 0:
            return ys - top, xs - left, float(rng.uniform(0.15, 0.85) * (right - left))
        case 1:
            return bottom - ys, xs - left, float(rng.uniform(0.15, 0.85) * (right - left))
        case 2:
            return xs - left, ys - top, float(rng.uniform(0.2, 0.8) * (bottom - top))
        case _:
            return right - xs, ys - top, float(rng.uniform(0.2, 0.8) * (bottom - top))


def _lift(
    rng: np.random.Generator, surface: Surface, depth: Map, along: Map, middle: float, reach: float, contrast: float
) -> None:
    """Fold the film up along a line ``reach`` inside the border: it shortens, brightens and throws a shadow."""
    span = reach * rng.uniform(1.5, 3.5)
    taper = np.exp(-(((along - middle) / span) ** 2)).astype(np.float32)
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
    tone = np.float32(contrast * (1 if rng.random() < 0.7 else -1))
    surface.albedo *= np.clip(1 + 0.35 * tone * on_film, 0.3, 1.6)
    surface.sheen += np.float32(0.16) * np.maximum(tone, 0) * on_film**1.5
    crease = np.exp(-(((raised - 0.06) / 0.07) ** 2)).astype(np.float32) * surface.alpha * (fold > 0.3 * reach)
    surface.sheen += np.float32(0.14 * contrast) * crease
    shade = cv2.GaussianBlur(np.clip(raised, 0, 1) * before, (0, 0), max(0.3, 0.12 * reach))
    np.maximum(surface.shadow, np.clip(1.5 * contrast * shade, 0, 0.85), out=surface.shadow)
    surface.damage |= lifted | ((before > 0.5) & (surface.alpha < 0.5) & (raised > 0))


def _part(
    rng: np.random.Generator,
    surface: Surface,
    depth: Map,
    along: Map,
    middle: float,
    reach: float,
    contrast: float,
    *,
    paper: bool,
) -> None:
    """Take a ragged piece away; a torn film shows a pale fibre border, a chip a narrow bright one."""
    height, width = surface.shape
    span = reach * rng.uniform(0.5, 1.6)
    ragged = reach * (0.18 * noise.smooth(rng, height, width, 24) + 0.08 * noise.smooth(rng, height, width, 90))
    bite: NDArray[np.float32] = (
        reach * np.sqrt(np.clip(1 - ((along - middle) / span) ** 2, 0, 1)) + ragged - depth
    ).astype(np.float32)
    bite[np.abs(along - middle) > span] = -1e3
    fibre = max(1.0, rng.uniform(0.15, 0.6 if paper else 0.25) * surface.scale)
    gone = np.clip(bite + 0.5, 0, 1)
    border = np.clip(bite + fibre + 0.5, 0, 1) - gone
    hit = ((gone > 0.5) | (border > 0.5)) & (surface.alpha > 0.5)
    surface.albedo += (np.float32(rng.uniform(0.5, 0.8)) - surface.albedo) * border * np.float32(contrast)
    if rng.random() < 0.35 or contrast < 0.3:  # only the top film is gone: the adhesive layer stays
        surface.albedo += (np.float32(rng.uniform(0.15, 0.5)) - surface.albedo) * gone * np.float32(contrast)
    else:
        surface.alpha *= 1 - gone
    surface.damage |= hit
