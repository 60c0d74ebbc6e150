"""A picture that every machine makes alike, on which a model can show that it scores as it did where it was made."""

import hashlib

import numpy as np

from shared.models.base import Image
from shared.models.bundle import LoadedModel

_BLOCK = 8
"""Side of a square of one colour, in pixels: edges that a resized picture keeps."""


def generated_picture(height: int, width: int, seed: int = 0) -> Image:
    """A picture (height, width, 3) of coloured squares, the same bytes for ever: no library's generator is in it."""
    rows, columns = -(-height // _BLOCK), -(-width // _BLOCK)
    bits = hashlib.shake_128(f"linegate picture {seed}".encode()).digest(rows * columns * 3)
    squares = np.frombuffer(bits, dtype=np.uint8).reshape(rows, columns, 3)
    return np.ascontiguousarray(squares.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)[:height, :width])


def warm_up(loaded: LoadedModel) -> None:
    """One forward pass and one score, so that the first part does not pay for what is made on first use."""
    crop = loaded.card.crop or loaded.model.spec.extractor.input
    loaded.model.score([generated_picture(crop.height, crop.width)])
