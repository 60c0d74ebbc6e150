"""The reference crop of a place: what its good parts show alike, and where. One small file in the artifact store."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from shared.errors import LinegateError

Plane = NDArray[np.float32]

LONG_SIDE: Final = 320
"""Pixels of a reference's longer side: fine enough for a tenth of a percent, small enough for milliseconds."""
REDUCTIONS: Final = (2, 1)
"""Of the levels that registration walks through, coarse to fine; the first is also where features are found."""
_GRID: Final = 8
_MOST_BYTES: Final = 4 * 2**20
_FORMAT: Final = "linegate.crop-reference.v1"


class ReferenceRejected(LinegateError):
    """What was read is no usable crop reference."""


@dataclass(frozen=True, slots=True)
class Features:
    """SIFT features of a picture: (N, 2) float32 places in its pixels, and (N, 128) float32 descriptors."""

    places: NDArray[np.float32]
    descriptors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True)
class Reference:
    """What the crops of a place have in common.

    Attributes:
        picture: (h, w) float32, the good parts' local contrast, see `shared.registration.flatten`.
        constant: (h, w) bool, True where good parts agree; a VIN does not.
        digest: sha256 of its file; empty while it is being made.
    """

    picture: Plane
    constant: NDArray[np.bool_]
    digest: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.picture.shape[0], self.picture.shape[1]

    @cached_property
    def levels(self) -> list[tuple[Plane, NDArray[np.uint8]]]:
        """Picture and mask (255 where constant) at each of `REDUCTIONS`."""
        return [(shrink(self.picture, by), _shrink_mask(self.constant, by)) for by in REDUCTIONS]

    @cached_property
    def features(self) -> Features:
        """Those of the constant print, at the first of `REDUCTIONS`."""
        return find_features(*self.levels[0])


def reference_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of the reference for crops of at most `height` and `width`: their shape, in multiples of eight.

    Small crops do not make it small: print must be seen to be found, however little of it the model is given.
    """
    factor = LONG_SIDE / max(height, width)
    return whole(height * factor), whole(width * factor)


def whole(pixels: float) -> int:
    """The nearest multiple of eight above zero, which every level divides."""
    return max(1, round(pixels / _GRID)) * _GRID


def shrink(plane: Plane, by: int) -> Plane:
    """A plane at 1 / `by` of its size, averaged; `by` divides both sides."""
    if by == 1:
        return plane
    size = (plane.shape[1] // by, plane.shape[0] // by)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def find_features(picture: Plane, mask: NDArray[np.uint8] | None = None) -> Features:
    """At most 400 SIFT features (Lowe, IJCV 2004) of a flattened picture, inside `mask` where there is one."""
    grey = np.asarray(np.clip(picture * 48 + 128, 0, 255), np.uint8)
    sift = cv2.SIFT_create(nfeatures=400, contrastThreshold=0.02)  # type: ignore[attr-defined]  # the stubs lack it
    places, descriptors = sift.detectAndCompute(grey, mask)
    if not places:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    return Features(np.array([place.pt for place in places], np.float32), np.asarray(descriptors, np.float32))


def pack(reference: Reference, facts: Mapping[str, object]) -> bytes:
    """A reference as the content of its file, with how it was made; equal references give equal bytes."""
    tensors: dict[str, NDArray[np.generic]] = {
        "picture": reference.picture.astype(np.float16),
        "constant": reference.constant.astype(np.uint8),
    }
    # One entry: safetensors writes several in no fixed order, and the digest names the reference.
    return save(tensors, {"linegate": json.dumps({"format": _FORMAT, "facts": facts}, sort_keys=True)})


def unpack(data: bytes) -> Reference:
    """The reference in a file's content.

    Raises:
        ReferenceRejected: there is none, or it is too large for one.
    """
    if len(data) > _MOST_BYTES:
        raise ReferenceRejected(f"{len(data)} bytes are too many for a crop reference")
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        found = json.loads(header.get("__metadata__", {}).get("linegate", "{}")).get("format")
    except (SafetensorError, ValueError) as error:
        raise ReferenceRejected(f"this is no crop reference: {error}") from None
    if found != _FORMAT:
        raise ReferenceRejected(f"the file holds {found!r}, not {_FORMAT!r}")
    picture, constant = tensors.get("picture"), tensors.get("constant")
    if picture is None or constant is None or picture.ndim != 2 or picture.shape != constant.shape:
        raise ReferenceRejected("a crop reference has a picture and a mask of one size")
    if not all(side and side % _GRID == 0 for side in picture.shape) or not np.isfinite(picture).all():
        raise ReferenceRejected(f"a crop reference is finite, and multiples of {_GRID} pixels high and wide")
    return Reference(picture.astype(np.float32), constant > 0, hashlib.sha256(data).hexdigest())


def as_picture(reference: Reference) -> NDArray[np.uint8]:
    """A reference for people, (h, w, 3) uint8 RGB: its contrast in grey, what differs part by part in blue."""
    grey = np.asarray(np.clip(reference.picture * 48 + 128, 0, 255), np.uint8)
    shown = np.stack([grey, grey, grey], axis=-1)
    shown[~reference.constant, 2] = 255
    return shown


def _shrink_mask(mask: NDArray[np.bool_], by: int) -> NDArray[np.uint8]:
    return np.asarray((shrink(mask.astype(np.float32), by) >= 0.5) * np.uint8(255), np.uint8)
