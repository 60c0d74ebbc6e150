"""Pictures of what the detector found, for looking at; every VIN is pixelated before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detector.evaluate import Found, read_image

_SIDE = 256
_COLUMNS = 8


def write_gallery(path: Path, results: Sequence[Found]) -> Path:
    """Write a montage (PNG): the quadrilateral in green, the annotated VIN box in red and pixelated."""
    tiles = [_tile(found) for found in results] or [np.zeros((_SIDE, _SIDE, 3), np.uint8)]
    tiles += [np.zeros((_SIDE, _SIDE, 3), np.uint8)] * (-len(tiles) % min(_COLUMNS, len(tiles)))
    columns = min(_COLUMNS, len(tiles))
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), np.vstack(rows)[..., ::-1]):
        raise OSError(f"could not write {path}")
    return path


def _tile(found: Found) -> NDArray[np.uint8]:
    image = read_image(found.path)
    pixelate(image, found.box)
    scale = np.array([_SIDE / image.shape[1], _SIDE / image.shape[0]], np.float32)
    tile = np.asarray(cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    cv2.polylines(tile, [np.round(found.box * scale).astype(np.int32)], isClosed=True, color=(255, 0, 0))
    if found.quad is not None:
        cv2.polylines(
            tile, [np.round(found.quad * scale).astype(np.int32)], isClosed=True, color=(0, 255, 0), thickness=2
        )
    cv2.putText(tile, f"{found.score:.2f} {found.share:.2f}", (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 0))
    return tile


def pixelate(image: NDArray[np.uint8], box: NDArray[np.float32]) -> None:
    """Make the text in a (4, 2) box unreadable, in place: cells as high as half the box, a margin around it."""
    height, width = image.shape[:2]
    margin = 0.3 * float(box[2, 1] - box[0, 1])
    x0, y0 = max(int(box[0, 0] - margin), 0), max(int(box[0, 1] - margin), 0)
    x1, y1 = min(int(box[2, 0] + margin) + 1, width), min(int(box[2, 1] + margin) + 1, height)
    if x1 <= x0 or y1 <= y0:
        return
    cell = max(4, (y1 - y0) // 3)
    size = (max(1, (x1 - x0) // cell), max(1, (y1 - y0) // cell))
    coarse = cv2.resize(image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
    image[y0:y1, x0:x1] = cv2.resize(coarse, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
