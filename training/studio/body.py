"""What stands behind a label: painted sheet metal, seams, sills, bolts."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from training.studio import noise

Rgb = NDArray[np.float32]

_PAINTS: Final = np.array(
    [
        (0.86, 0.87, 0.86), (0.75, 0.76, 0.78), (0.52, 0.53, 0.55), (0.30, 0.31, 0.33), (0.05, 0.05, 0.06),
        (0.55, 0.05, 0.05), (0.06, 0.14, 0.45), (0.25, 0.42, 0.60), (0.50, 0.40, 0.28), (0.09, 0.20, 0.15),
        (0.72, 0.28, 0.05), (0.33, 0.22, 0.20),
    ],
    np.float32,
)  # fmt: skip


def panel(rng: np.random.Generator, height: int, width: int, *, busy: float = 1.0) -> Rgb:
    """Return a painted body panel (float32, H x W x 3, about 0..1); ``busy`` scales how much stands on it."""
    small_h, small_w = height // 2, width // 2
    paint: NDArray[np.float32] = np.clip(
        _PAINTS[rng.integers(len(_PAINTS))] * rng.normal(1, 0.08) + rng.normal(0, 0.015, 3), 0.02, 0.95
    ).astype(np.float32)
    ys, xs = np.mgrid[0:small_h, 0:small_w].astype(np.float32) / max(small_h, small_w)
    turn = rng.uniform(0, 2 * np.pi)
    ramp = (xs - 0.5) * np.float32(np.cos(turn)) + (ys - 0.4) * np.float32(np.sin(turn))
    curve = 1 + ramp * np.float32(rng.normal(0, 0.45)) + noise.smooth(rng, small_h, small_w, 3) * np.float32(0.06)
    image = np.asarray(cv2.merge([np.asarray(curve * channel, np.float32) for channel in paint]), np.float32)
    gloss = np.exp(-(((ramp - rng.uniform(-0.4, 0.4)) / rng.uniform(0.05, 0.3)) ** 2)) * np.float32(
        rng.uniform(0, 0.22)
    )
    image += gloss[..., None]
    for _ in range(int(rng.poisson(1.8 * busy))):
        _FEATURES[rng.integers(len(_FEATURES))](rng, image, paint)
    image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 1.3))), np.float32)
    full = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    flakes = 1 + noise.white(rng, height, width) * np.float32(rng.choice([0.004, 0.03]))
    full *= flakes[..., None]
    return full


def _line_ends(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two points on opposite borders, kept off the middle, where the label stands."""
    height, width = shape[:2]
    place = rng.uniform(0.0, 0.22) if rng.random() < 0.5 else rng.uniform(0.78, 1.0)
    drift = rng.normal(0, 0.05)
    if rng.random() < 0.6:
        return (0, round(place * height)), (width, round((place + drift) * height))
    return (round(place * width), 0), (round((place + drift) * width), height)


def _seam(rng: np.random.Generator, image: Rgb, paint: NDArray[np.float32]) -> None:
    first, last = _line_ends(rng, image.shape)
    weight = max(1, round(rng.uniform(0.004, 0.02) * image.shape[1]))
    light = np.clip(paint * 1.25 + 0.08, 0, 1).tolist()
    cv2.line(image, (first[0], first[1] - weight), (last[0], last[1] - weight), light, weight, cv2.LINE_AA)
    cv2.line(image, first, last, (paint * rng.uniform(0.1, 0.5)).tolist(), weight, cv2.LINE_AA)


def _sill(rng: np.random.Generator, image: Rgb, paint: NDArray[np.float32]) -> None:
    del paint
    (x0, y0), (x1, y1) = _line_ends(rng, image.shape)
    height, width = image.shape[:2]
    if x0 == 0:
        far = height if y0 > height / 2 else 0
        shape = [(x0, y0), (x1, y1), (x1, far), (x0, far)]
    else:
        far = width if x0 > width / 2 else 0
        shape = [(x0, y0), (x1, y1), (far, y1), (far, y0)]
    tone = float(rng.uniform(0.02, 0.14)) if rng.random() < 0.75 else float(rng.uniform(0.4, 0.8))
    cv2.fillPoly(image, [np.array(shape, np.int32)], (tone, tone, tone * 1.05), cv2.LINE_AA)
    glow = tone + float(rng.uniform(0.05, 0.25))
    cv2.line(image, (x0, y0), (x1, y1), (glow, glow, glow), max(1, width // 160), cv2.LINE_AA)


def _bolt(rng: np.random.Generator, image: Rgb, paint: NDArray[np.float32]) -> None:
    height, width = image.shape[:2]
    side = rng.uniform(0.0, 0.16) if rng.random() < 0.5 else rng.uniform(0.84, 1.0)
    centre = (round(side * width), round(rng.uniform(0, 1) * height))
    radius = round(rng.uniform(0.02, 0.07) * width)
    squash = float(rng.uniform(0.5, 1))
    steel = float(rng.uniform(0.1, 0.7))
    for share, tone in ((1.25, (paint * 0.4).tolist()), (1.0, [steel] * 3), (0.55, [steel * 0.45] * 3)):
        cv2.ellipse(
            image,
            centre,
            (max(1, round(radius * share)), max(1, round(radius * share * squash))),
            0,
            0,
            360,
            tone,
            -1,
            cv2.LINE_AA,
        )
    glint = (centre[0] - radius // 3, centre[1] - round(radius * squash / 3))
    cv2.circle(image, glint, max(1, radius // 5), [min(1.0, steel + 0.4)] * 3, -1, cv2.LINE_AA)


def _ridge(rng: np.random.Generator, image: Rgb, paint: NDArray[np.float32]) -> None:
    """A pressed bead: one flank lit, the other in shade."""
    del paint
    (x0, y0), (x1, y1) = _line_ends(rng, image.shape)
    height, width = image.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    norm = max(1.0, float(np.hypot(x1 - x0, y1 - y0)))
    distance = ((xs - x0) * (y1 - y0) - (ys - y0) * (x1 - x0)) / np.float32(norm * rng.uniform(0.015, 0.06) * width)
    image *= (1 + np.float32(rng.uniform(0.1, 0.4)) * distance * np.exp(-distance * distance))[..., None]


_FEATURES: Final = (_seam, _sill, _bolt, _ridge, _ridge)
