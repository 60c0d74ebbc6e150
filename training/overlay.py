"""Pictures for people: a crop, where the model looked, and where the damage was drawn."""

import base64
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.images import encode_jpeg
from shared.models.base import Image

LONGEST: Final = 360
"""Pixels of a picture's longer side in the report."""
STRENGTH: Final = 0.85
"""Opacity of the hottest spots; the part stays visible below."""
HEAT: Final = np.array([(255, 214, 64), (255, 122, 26), (214, 20, 60)], dtype=np.float64)
"""RGB from warm to hot."""
CONTOUR: Final = (0, 214, 255)


@dataclass(frozen=True, slots=True)
class HeatScale:
    """Scores from which a spot begins to glow, and at which it glows fully; the threshold lies midway.

    One scale serves all pictures of a report, so that they can be compared.
    """

    cold: float
    hot: float


def heat_scale(good_maps: list[NDArray[np.float32]], threshold: float) -> HeatScale:
    """Cold up to what is usual on good parts (the median of each map's 99 % quantile), half hot at the threshold."""
    usual = [float(np.quantile(values, 0.99)) for values in good_maps]
    cold = float(np.median(usual)) if usual else 0.5 * threshold
    if not cold < threshold:
        # Smooth maps and the image score share a unit, not a scale: a picture must be readable all the same.
        cold = threshold - 0.5 * abs(threshold)
    return HeatScale(cold, threshold + (threshold - cold))


def overlay(pixels: Image, anomaly_map: NDArray[np.float32], mask: NDArray[np.bool_] | None, scale: HeatScale) -> Image:
    """Lay the heat and the drawn damage's outline over a crop; returns it scaled to `LONGEST`, (h, w, 3) uint8 RGB.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        anomaly_map: (H, W) float32.
        mask: (H, W) bool, or None.
        scale: of the heat.
    """
    picture = scaled(pixels)
    height, width = picture.shape[:2]
    values = cv2.resize(anomaly_map, (width, height), interpolation=cv2.INTER_LINEAR)
    heat = np.clip((values - scale.cold) / (scale.hot - scale.cold), 0, 1)
    stops = np.linspace(0, 1, len(HEAT))
    colour = np.stack([np.interp(heat, stops, HEAT[:, channel]) for channel in range(3)], axis=-1)
    opacity = (STRENGTH * heat)[..., None]
    blended: Image = np.ascontiguousarray(np.rint(picture * (1 - opacity) + colour * opacity), dtype=np.uint8)
    if mask is not None and mask.any():
        drawn = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        # Drawn just outside, or the line would hide a thin crack.
        drawn = cv2.dilate(drawn, np.ones((7, 7), np.uint8))
        contours, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(blended, contours, -1, CONTOUR, 1, cv2.LINE_AA)
    return blended


def scaled(pixels: Image) -> Image:
    """A crop with its longer side at `LONGEST` pixels."""
    height, width = pixels.shape[:2]
    factor = LONGEST / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(pixels, size, interpolation=interpolation), dtype=np.uint8)


def data_url(picture: Image) -> str:
    """A JPEG as a `data:` URL."""
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(picture, quality=82)).decode("ascii")
