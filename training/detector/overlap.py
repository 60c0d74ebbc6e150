"""Measure detector and orientation end to end on held-out studio photos, whose corners are known."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shared import geometry
from shared.models.detector import LabelDetector
from shared.models.orientation import LabelOrientation
from training.studio.camera import CameraKind
from training.studio.photo import photographs

HELD_OUT_SEED = 777_000_000
"""Studio photos of this seed are never trained on: the detector learns from scenes, which draw other seeds."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """One camera's figures. IoU is 0 where nothing was found; times are medians on this machine, detector only."""

    camera: CameraKind
    photos: int
    mean_iou: float
    tenth_iou: float
    found: float
    contained: float
    oriented: float
    misoriented: float
    abstained: float
    milliseconds: float


def measure(
    detector: LabelDetector,
    orientation: LabelOrientation,
    camera: CameraKind,
    *,
    photos: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Overlap:
    """Detect, rectify and orient ``photos`` studio photos, a quarter of them damaged, one at a time."""
    overlaps, contained, times, answers = [], [], [], []
    for photo in photographs(photos, seed=HELD_OUT_SEED, damaged=0.25, cameras=[camera]):
        started = time.perf_counter()
        found = detector.detect([photo.image])[0]
        times.append(time.perf_counter() - started)
        quad = None if found is None else geometry.mask_to_quadrilateral(found.mask)
        progress(1)
        if quad is None:
            overlaps.append(0.0)
            contained.append(0.0)
            continue
        overlaps.append(geometry.intersection_over_union(quad, photo.polygon))
        area = abs(geometry.signed_area(photo.polygon))
        contained.append(geometry.intersection_area(quad, photo.polygon) / area)
        crop = geometry.rectify(photo.image, quad, *geometry.fit_size(quad, 256, 448))
        truly = bool(_nearest_start(quad, photo.polygon) == 2)
        told = orientation.upside_down(crop)
        answers.append(None if told is None else told == truly)
    return Overlap(
        camera,
        photos,
        float(np.mean(overlaps)),
        float(np.quantile(overlaps, 0.1)),
        float(np.mean(np.array(overlaps) > 0.5)),
        float(np.mean(np.array(contained) > 0.98)),
        float(np.mean([answer is True for answer in answers])),
        float(np.mean([answer is False for answer in answers])),
        float(np.mean([answer is None for answer in answers])),
        float(np.median(times) * 1000),
    )


def _nearest_start(quad: geometry.Quad, truth: geometry.Quad) -> int:
    """By how many places the corners of ``quad`` must be rolled to start where ``truth`` starts."""
    gaps = [float(np.abs(np.roll(quad, -shift, axis=0) - truth).sum()) for shift in range(4)]
    return int(np.argmin(gaps))
