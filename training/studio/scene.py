"""Put a label before the camera: where its corners fall, and what of it covers the body."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.studio.surface import Surface

Planes = list[NDArray[np.float32]]
"""Red, green, blue (each float32, H x W, about 0..1)."""


def project(
    size: tuple[float, float],
    *,
    tilt: tuple[float, float, float],
    width: float,
    centre: tuple[float, float],
    distance: float = 3.0,
) -> NDArray[np.float32]:
    """Return where a (width, height) rectangle's corners fall, (4, 2) pixels in reading order.

    ``tilt`` is (about x, about y, in the image plane) in radians; ``width`` the label's width in
    pixels were it not tilted; ``distance`` the camera's distance in label widths.
    """
    aspect = size[1] / size[0]
    corners = np.array([(-0.5, -aspect / 2, 0), (0.5, -aspect / 2, 0), (0.5, aspect / 2, 0), (-0.5, aspect / 2, 0)])
    rotation = np.eye(3)
    for axis, angle in enumerate(tilt):
        turn = np.zeros(3)
        turn[axis] = angle
        rotation = cv2.Rodrigues(turn)[0] @ rotation
    x, y, z = (corners @ rotation.T).T
    depth = distance / (distance + z)
    return np.stack([centre[0] + x * depth * width, centre[1] + y * depth * width], 1).astype(np.float32)


def compose(
    body: NDArray[np.float32], surface: Surface, polygon: NDArray[np.float32], tint: tuple[float, float, float]
) -> tuple[Planes, NDArray[np.float32], NDArray[np.bool_]]:
    """Lay ``surface`` on ``body`` so that its corners fall on ``polygon``.

    Returns the colour planes, the label's coverage (float32, H x W) and the damage mask (bool, H x W).
    """
    height, width = body.shape[:2]
    matrix = cv2.getPerspectiveTransform(surface.corners, polygon)
    maps = cv2.merge([surface.albedo, surface.sheen, surface.alpha, surface.shadow])
    low = np.floor(polygon.min(0)).astype(int) - 40
    high = np.ceil(polygon.max(0)).astype(int) + 40
    x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
    x1, y1 = min(int(high[0]), width), min(int(high[1]), height)
    shift = np.array([(1, 0, -x0), (0, 1, -y0), (0, 0, 1)], float) @ matrix
    albedo, sheen, alpha, shadow = cv2.split(
        cv2.warpPerspective(maps, shift, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))
    )
    alpha = np.clip(alpha, 0, 1).astype(np.float32)
    window = np.s_[y0:y1, x0:x1]
    planes = [np.ascontiguousarray(plane, np.float32) for plane in cv2.split(body)]
    bare = (1 - shadow) * (1 - alpha)
    gloss = sheen * alpha
    for plane, share in zip(planes, tint, strict=True):
        plane[window] = plane[window] * bare + albedo * (alpha * np.float32(share)) + gloss
    coverage: NDArray[np.float32] = np.zeros((height, width), np.float32)
    coverage[window] = alpha
    mask: NDArray[np.bool_] = np.zeros((height, width), np.bool_)
    if surface.damage.any():
        warped = cv2.warpPerspective(surface.damage.astype(np.uint8) * 255, shift, (x1 - x0, y1 - y0))
        mask[window] = warped > 100
    return planes, coverage, mask
