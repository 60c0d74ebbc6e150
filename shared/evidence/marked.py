"""The marked picture: a crop, where the model looked, and a ring around the worst place."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.evidence.heat import HeatRange, coloured, heat, opacity
from shared.evidence.map_range import range_of

LONGEST: Final = 1280
"""Pixels: a larger crop is made smaller, so that a mail carries it."""
SHORTEST: Final = 320
"""Pixels of the longer side: a smaller crop is made larger, so that ring and damage can be told apart."""
RING: Final = 0.09
"""Radius of the ring, as a share of the root of the picture's area."""
_BRIGHT, _DARK = (255, 220, 60), (20, 20, 20)
"""BGR. Cyan lies opposite to the heat, and is neither print nor paper."""
_BITS: Final = 4
"""Fractions of a pixel in OpenCV's drawing, as a power of two."""
Bgr = NDArray[np.uint8]


class EvidenceUnreadable(ValueError):
    """A crop or a map is no picture that can be drawn on."""


def marked(
    crop_png: bytes,
    *,
    map_png: bytes | None,
    peak: tuple[float, float] | None,
    scale: HeatRange | None = None,
) -> bytes:
    """A picture for people: the crop with the map's heat over it and a ring around the peak.

    Args:
        crop_png: the crop, encoded.
        map_png: its anomaly map, 8-bit grey; None leaves the heat away.
        peak: x and y of the worst place, as shares of the crop; None leaves the ring away.
        scale: which scores the map's values stand for, so that it is half hot at the threshold. By default what the
            map itself says (`range_of`), without a threshold.

    Returns:
        A PNG of at most `LONGEST` pixels a side.

    Raises:
        EvidenceUnreadable: one of the two is no picture.
    """
    picture = _sized(_decoded(crop_png, cv2.IMREAD_COLOR, "crop"))
    if map_png is not None:
        picture = _heated(picture, _decoded(map_png, cv2.IMREAD_GRAYSCALE, "map"), scale or range_of(map_png))
    if peak is not None:
        _ring(picture, peak)
    return _encoded(picture)


def overlay_rgba(map_png: bytes, *, scale: HeatRange | None = None) -> bytes:
    """The heat alone, as a PNG with an alpha channel at the map's own size, to be laid over the crop.

    Args:
        map_png: the anomaly map, 8-bit grey.
        scale: as for `marked`.

    Raises:
        EvidenceUnreadable: it is no picture.
    """
    hotness = heat(_decoded(map_png, cv2.IMREAD_GRAYSCALE, "map"), scale or range_of(map_png))
    alpha = np.rint(opacity(hotness) * 255).astype(np.uint8)
    return _encoded(np.dstack([coloured(hotness), alpha]))


def _heated(picture: Bgr, grey: NDArray[np.uint8], scale: HeatRange) -> Bgr:
    height, width = picture.shape[:2]
    hotness = heat(np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8), scale)
    dense = opacity(hotness)[..., None]
    return np.ascontiguousarray(np.rint(picture * (1 - dense) + coloured(hotness) * dense), dtype=np.uint8)


def _ring(picture: Bgr, peak: tuple[float, float]) -> None:
    height, width = picture.shape[:2]
    side = float(np.sqrt(height * width))
    radius = max(12.0, side * RING)
    line = max(2, round(side / 220))
    fine = 2**_BITS
    centre = (round((peak[0] * width - 0.5) * fine), round((peak[1] * height - 0.5) * fine))
    # Bright within dark: seen on paper, on print and on metal alike.
    for colour, thickness in ((_DARK, line * 2 + 2), (_BRIGHT, line)):
        cv2.circle(picture, centre, round(radius * fine), colour, thickness, cv2.LINE_AA, _BITS)


def _sized(picture: Bgr) -> Bgr:
    height, width = picture.shape[:2]
    longest = max(height, width)
    factor = LONGEST / longest if longest > LONGEST else SHORTEST / longest if longest < SHORTEST else 1.0
    if factor == 1.0:
        return picture
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=interpolation), dtype=np.uint8)


def _decoded(data: bytes, flags: int, what: str) -> NDArray[np.uint8]:
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error as error:
        raise EvidenceUnreadable(f"the {what} is no picture: {' '.join(str(error).split())}") from None
    if picture is None:
        raise EvidenceUnreadable(f"the {what} is no picture")
    return np.ascontiguousarray(picture, dtype=np.uint8)


def _encoded(picture: NDArray[np.uint8]) -> bytes:
    ok, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 4])
    if not ok:
        raise RuntimeError("OpenCV could not encode a PNG")
    return data.tobytes()
