"""Measure the detector: on real photos with boxed VINs, and on studio photos with known corners.

The headline on real photos is the share in which the predicted quadrilateral contains at least 90 % of the annotated
VIN box (area of their intersection over the box's area). The boxes are axis-aligned, so around a slanted VIN they are
much larger than the text, and a tight outline of a slanted strip counts as a miss. A second figure therefore counts
photos by the slanted rectangle that fills the box and runs parallel to the quadrilateral.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import geometry
from shared.models.base import Image
from shared.models.detector import LabelDetector

CONTAINED = 0.9
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Found:
    """What the detector made of one photo.

    ``share`` is the part of the VIN box inside the quadrilateral, 0..1; ``text_share`` that of the slanted text.
    """

    path: Path
    box: NDArray[np.float32]
    quad: NDArray[np.float32] | None
    score: float
    share: float
    text_share: float

    @property
    def hit(self) -> bool:
        """Whether the label was found by the headline rule."""
        return self.share >= CONTAINED


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of one split: the headline, the same for the slanted text, and photos with any detection."""

    photos: int
    contained: float
    contained_text: float
    detected: float


def read_split(folder: Path) -> Iterator[tuple[Path, NDArray[np.float32]]]:
    """Yield (photo, VIN box as (4, 2) pixel corners) of a YOLO-text folder: ``images/`` beside ``labels/``.

    Photos without exactly one box are left out. Raises FileNotFoundError when the folders are absent.
    """
    images = folder / "images"
    if not images.is_dir():
        raise FileNotFoundError(f"{images} is not a folder; expected images/ and labels/ in {folder}")
    for path in sorted(images.iterdir()):
        rows = (folder / "labels" / f"{path.stem}.txt").read_text(encoding="utf-8").split("\n")
        boxes = [tuple(map(float, row.split()[1:5])) for row in rows if row.strip()]
        if len(boxes) != 1:
            continue
        height, width = read_image(path).shape[:2]
        x, y, w, h = boxes[0]
        left, right, top, bottom = (x - w / 2) * width, (x + w / 2) * width, (y - h / 2) * height, (y + h / 2) * height
        yield path, np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def read_image(path: Path) -> Image:
    """Read a picture as uint8 (H, W, 3) RGB; raises ValueError when it cannot be decoded."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{path} is no readable picture")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def locate(
    detector: LabelDetector,
    photos: Sequence[tuple[Path, NDArray[np.float32]]],
    progress: Callable[[int], None] = lambda _: None,
) -> list[Found]:
    """Run the detector over photos with boxed VINs."""
    results = []
    for start in range(0, len(photos), _BATCH):
        chunk = photos[start : start + _BATCH]
        for (path, box), found in zip(chunk, detector.detect([read_image(p) for p, _ in chunk]), strict=True):
            quad = None if found is None else geometry.mask_to_quadrilateral(found.mask)
            score = 0.0 if found is None else found.score
            share, text = (
                (0.0, 0.0) if quad is None else (contained(quad, box), contained(quad, slanted_text(box, quad)))
            )
            results.append(Found(path, box, quad, score, share, text))
        progress(len(chunk))
    return results


def contained(quad: NDArray[np.float32], box: NDArray[np.float32]) -> float:
    """Share of a box's area that lies inside a quadrilateral."""
    area = abs(geometry.signed_area(box))
    return geometry.intersection_area(quad, box) / area if area > 0 else 0.0


def slanted_text(box: NDArray[np.float32], quad: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rectangle parallel to ``quad`` whose axis-aligned bounding box is ``box``; both (4, 2), clockwise.

    Length L and height h of a text at angle a fill a box of width L cos a + h sin a and height L sin a + h cos a. Where
    that has no solution with a text at least three times as long as high, the box itself is returned.
    """
    along = (quad[1] - quad[0]) + (quad[2] - quad[3])
    angle = float(np.arctan2(along[1], along[0]))
    cosine, sine = abs(np.cos(angle)), abs(np.sin(angle))
    width, height = float(box[1, 0] - box[0, 0]), float(box[2, 1] - box[1, 1])
    spread = cosine * cosine - sine * sine
    if spread < 0.05:
        return box
    length, tall = (width * cosine - height * sine) / spread, (height * cosine - width * sine) / spread
    if tall <= 0 or length < 3 * tall:
        return box
    unit = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-unit[1], unit[0]])
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
    return np.asarray(box.mean(axis=0) + signs[:, :1] * length * unit + signs[:, 1:] * tall * across, np.float32)


def rates(results: Sequence[Found]) -> Rates:
    """Summarise a split."""
    return Rates(
        len(results),
        float(np.mean([found.hit for found in results])),
        float(np.mean([found.text_share >= CONTAINED for found in results])),
        float(np.mean([found.quad is not None for found in results])),
    )
