"""Register a crop to the reference crop of its place, so that print lies where the model learnt to expect it.

A detector's mask says where the label is to within a percent or two of its width. What is printed alike on every part
(frame, headings, pictograms, rules) says it to a fraction of a pixel. Two steps, on pictures freed of local brightness
and contrast: SIFT features agree on a homography (MAGSAC++, Barath et al., CVPR 2020), which may lie far from the first
guess; then the enhanced correlation coefficient (Evangelidis & Psarakis, TPAMI 2008) is maximised over homographies,
looking only at what is constant: a VIN differs part by part and must not pull.

A homography has eight numbers for the whole label: it cannot bend print around a crack or a missing edge, so damage
stays where it is on the part. A result counts only if it verifies, see `register`; nothing here guesses.
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import geometry
from shared.geometry import Quad
from shared.models.base import Image
from shared.registration_reference import REDUCTIONS, Features, Plane, Reference, find_features, shrink, whole

Matrix = NDArray[np.float64]

SURROUND: Final = 0.12
"""Share of the crop's sides that is looked at beyond each of them: a quadrilateral that cut the label is repaired."""
LEAST_CORRELATION: Final = 0.55
"""Of a registration that counts, over the constant print; docs/adr/0010 tells what right and wrong ones reach."""
FARTHEST: Final = 0.35
"""How far a corner may move, as a share of the sides: farther, something else was found than the label."""
LEAST_FEATURES: Final = 12
"""Features that must agree on a homography."""
_LOCAL: Final = 1 / 40
"""Sigma of the neighbourhood that brightness and contrast are measured in, as a share of the longer side."""
_FLAT: Final = 6.0
"""Grey levels added to the contrast: noise on plain film must not be blown up to look like print."""
_ITERATIONS: Final = (20, 8)
"""The most, at each of `REDUCTIONS`."""
_CONVERGED: Final = 1e-4
_MISFIT: Final = 3.0
"""Pixels by which a feature may miss the homography."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a crop lies so that it coincides with its reference.

    Attributes:
        corners: (4, 2) float32 of the crop in the photo, see `shared.geometry`.
        correlation: of crop and reference over the constant print, at most 1.
    """

    corners: Quad
    correlation: float


@dataclass(frozen=True, slots=True)
class View:
    """A crop with its surroundings at the reference's scale.

    Attributes:
        picture: float32, flattened.
        matrix: (3, 3), from its pixels to the reference's as far as the corners tell.
        to_photo: (3, 3), from its coordinates to the photo's.
    """

    picture: Plane
    matrix: Matrix
    to_photo: Matrix


def register(image: Image, corners: Quad, reference: Reference) -> Registration | None:
    """Move a crop's corners so that the constant print coincides with the reference's.

    Args:
        image: the photo, (H, W, 3) uint8 RGB.
        corners: (4, 2), roughly where the label lies, in reading order.
        reference: of the place.

    Returns:
        None where the result does not verify: too few features agree, no convergence, a correlation below
        `LEAST_CORRELATION`, a corner that moved farther than `FARTHEST`, or no convex quadrilateral.
    """
    view = look(image, corners, reference.size)
    found = align(view, reference)
    if found is None or found[1] < LEAST_CORRELATION:
        return None
    moved = outline_before(found[0], reference.size)
    if not _plausible(moved, outline_before(view.matrix, reference.size), reference.size):
        return None
    return Registration(np.asarray(transform(view.to_photo, moved), np.float32), found[1])


def look(image: Image, corners: Quad, size: tuple[int, int]) -> View:
    """Rectify a photo's corners, and `SURROUND` beyond them, so that the crop itself has `size` (height, width)."""
    height, width = size
    above, beside = whole(SURROUND * height), whole(SURROUND * width)
    to_photo = cv2.getPerspectiveTransform(outline(size).astype(np.float32), np.asarray(corners, np.float32))
    wide = transform(to_photo, outline((height + 2 * above, width + 2 * beside)) - (beside, above))
    pixels = geometry.rectify(image, np.asarray(wide, np.float32), height + 2 * above, width + 2 * beside)
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    shift = np.array([(1, 0, -beside), (0, 1, -above), (0, 0, 1)], np.float64)
    return View(flatten(grey, max(size)), shift, to_photo @ shift)


def flatten(grey: NDArray[np.uint8], long_side: int) -> Plane:
    """Local contrast: (H, W) grey minus its neighbourhood's mean, over its standard deviation, float32.

    What lamps, exposure and gloss do changes slowly along a label; print does not.
    """
    sigma = _LOCAL * long_side
    plane = grey.astype(np.float32)
    plane -= cv2.GaussianBlur(plane, (0, 0), sigma)
    spread = np.sqrt(cv2.GaussianBlur(plane * plane, (0, 0), sigma))
    return np.asarray(plane / (spread + np.float32(_FLAT)), np.float32)


def align(view: View, reference: Reference) -> tuple[Matrix, float] | None:
    """The homography from a view's pixels to the reference's, and their correlation; None where none was found."""
    matrix = _by_features(view, reference)
    if matrix is None:
        return None
    correlation = 0.0
    for by, iterations, (target, constant) in zip(REDUCTIONS, _ITERATIONS, reference.levels, strict=True):
        first = _level(by) @ matrix @ np.linalg.inv(_level(by))
        try:
            correlation, found = cv2.findTransformECC(
                shrink(view.picture, by),
                target,
                (first / first[2, 2]).astype(np.float32),
                cv2.MOTION_HOMOGRAPHY,
                (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, iterations, _CONVERGED),
                constant,
                3,
            )
        except cv2.error:  # its way to say that it did not converge
            return None
        matrix = np.linalg.inv(_level(by)) @ found.astype(np.float64) @ _level(by)
    return matrix / matrix[2, 2], float(correlation)


def outline(size: tuple[int, int]) -> NDArray[np.float64]:
    """(4, 2) corners of a picture of (height, width), clockwise from the top left."""
    height, width = size
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)


def outline_before(matrix: Matrix, size: tuple[int, int]) -> NDArray[np.float64]:
    """(4, 2) what a (3, 3) homography between pixels maps to the corners of a picture of (height, width)."""
    # Matrices count pixels by their centres, corners by their edges.
    return transform(np.linalg.inv(matrix), outline(size) - 0.5) + 0.5


def transform(matrix: NDArray[Any], points: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, 2) points through a (3, 3) homography."""
    moved = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:], np.float64)


def _by_features(view: View, reference: Reference) -> Matrix | None:
    by = REDUCTIONS[0]
    found = find_features(shrink(view.picture, by))
    first = _level(by) @ view.matrix @ np.linalg.inv(_level(by))
    ours, theirs = _matches(found, reference.features, first, reference.levels[0][0].shape)
    if len(ours) < LEAST_FEATURES:
        return None
    # Its stubs do not say that it may find nothing.
    matrix, agreed = cast(
        "tuple[Matrix | None, NDArray[np.uint8] | None]",
        cv2.findHomography(ours, theirs, cv2.USAC_MAGSAC, _MISFIT, maxIters=2000, confidence=0.999),
    )
    if matrix is None or agreed is None or int(agreed.sum()) < LEAST_FEATURES:
        return None
    return np.asarray(np.linalg.inv(_level(by)) @ matrix @ _level(by), np.float64)


def _matches(
    found: Features, wanted: Features, first: Matrix, shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The places, (N, 2) each, of features that are each other's nearest, no farther apart than corners may move."""
    if not len(found) or not len(wanted):
        return found.places[:0], wanted.places[:0]
    distances = (
        (found.descriptors**2).sum(axis=1)[:, None]
        + (wanted.descriptors**2).sum(axis=1)[None]
        - 2 * found.descriptors @ wanted.descriptors.T
    )
    apart = np.abs(transform(first, found.places)[:, None] - wanted.places[None]) / (shape[1], shape[0])
    distances[apart.max(axis=2) > FARTHEST] = np.inf
    nearest = distances.argmin(axis=1)
    mutual = distances.argmin(axis=0)[nearest] == np.arange(len(found))
    mutual &= np.isfinite(distances[np.arange(len(found)), nearest])
    return found.places[mutual], wanted.places[nearest[mutual]]


def _level(by: int) -> Matrix:
    """From pixels to those of a level reduced `by`; OpenCV's pixel centres lie at whole numbers."""
    rest = 0.5 / by - 0.5
    return np.array([(1 / by, 0, rest), (0, 1 / by, rest), (0, 0, 1)], np.float64)


def _plausible(corners: NDArray[np.float64], before: NDArray[np.float64], size: tuple[int, int]) -> bool:
    if not np.isfinite(corners).all() or np.abs((corners - before) / (size[1], size[0])).max() > FARTHEST:
        return False
    # In the turning direction of the picture: a mirrored label is none.
    return cv2.isContourConvex(np.asarray(corners, np.float32).reshape(-1, 1, 2)) and geometry.signed_area(corners) > 0
