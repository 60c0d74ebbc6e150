"""Photos made fit for a browser: smaller, upright, JPEG, and decoded here with the care that strangers' files need."""

from typing import Final

import cv2
import numpy as np

from shared.images import decode, encode_jpeg
from shared.settings.sections import ImageSettings

LONGEST: Final = 1600
"""Pixels."""


def preview(data: bytes, limits: ImageSettings, *, longest: int = LONGEST) -> bytes:
    """A JPEG of any photo that the gate takes, also TIFF and BMP, which browsers do not show.

    Args:
        data: the encoded photo.
        limits: on its size.
        longest: pixels of the longer side of the answer; a smaller photo keeps its size.

    Raises:
        ImageRejected: it is no picture that the gate takes.
    """
    picture = decode(data, limits)
    height, width = picture.shape[:2]
    factor = longest / max(height, width)
    if factor < 1:
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        picture = np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return encode_jpeg(picture, quality=85)
