"""From an anomaly map to colour and opacity: what a person sees of it."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

COLOURS: Final = cv2.COLORMAP_INFERNO
"""Perceptually uniform: equal steps of the score look equally large, also to the colour-blind and in grey (N. Smith and
S. van der Walt, "A Better Default Colormap for Matplotlib", SciPy 2015)."""
WARM, HOT = 0.4, 0.85
"""The part of the colour map that is used, from magenta to amber: its black end would look like dirt on a part, its
white end like the paper of a label."""
DENSEST: Final = 0.5
"""Opacity of the hottest spots: the damage has to stay visible below."""
FAINTEST: Final = 0.4
"""Share of a map's own range below which nothing is shown, where no threshold tells what is usual."""
HOTTEST: Final = 0.9
"""Share at which it glows fully, likewise."""


@dataclass(frozen=True, slots=True)
class HeatRange:
    """Which scores a map's grey values stand for: v means low + v / 255 * (high - low)."""

    low: float
    high: float
    threshold: float | None = None
    """Of the damage check, in the same measure."""

    @property
    def glow(self) -> tuple[float, float]:
        """From where to where in the map's own range (0 to 1) it begins to glow, and glows fully.

        With a threshold inside the range it is half hot there. A map that never reaches it is shown by its own range:
        smoothing lowers the peaks of a map, so that also a part over the threshold may have one.
        """
        width = self.high - self.low
        if self.threshold is None or width <= 0 or not self.low < self.threshold < self.high:
            return FAINTEST, HOTTEST
        at = (self.threshold - self.low) / width
        reach = min(at, 1 - at)
        return at - reach * 0.5, max(at + reach * 0.5, at + 0.02)


PLAIN: Final = HeatRange(0.0, 1.0)


def heat(grey: NDArray[np.uint8], scale: HeatRange = PLAIN) -> NDArray[np.float32]:
    """How hot each place of an (H, W) map is, 0 to 1, as (H, W) float32."""
    cold, hot = scale.glow
    share = (grey.astype(np.float32) / 255 - cold) / (hot - cold)
    clipped: NDArray[np.float32] = np.clip(share, 0, 1).astype(np.float32)
    # Smoothstep: no hard edge where it begins, which would look like a mark on the part.
    return clipped * clipped * (3 - 2 * clipped)


def coloured(hotness: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The colours of an (H, W) heat, as (H, W, 3) uint8 BGR."""
    index = np.rint((WARM + (HOT - WARM) * hotness) * 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(index, COLOURS), dtype=np.uint8)


def opacity(hotness: NDArray[np.float32]) -> NDArray[np.float32]:
    """The opacity of an (H, W) heat, 0 to `DENSEST`."""
    dense: NDArray[np.float32] = (np.sqrt(hotness) * DENSEST).astype(np.float32)
    return dense
