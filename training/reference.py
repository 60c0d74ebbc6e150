"""Learn the reference of a place from its good photos: what their crops show alike, and where.

Congealing (Learned-Miller, TPAMI 2006) with a median: crops are registered to one of them, then to the median of all
that came to lie on it, and once more to the median of those. The crop that others register to best makes the start.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.geometry import Quad
from shared.models.base import Image, Progress
from shared.registration import LEAST_CORRELATION, Matrix, View, align, look, outline, transform
from shared.registration_reference import Reference, reference_size

MOST: Final = 64
"""Crops a reference is learnt from: a median does not gain by more."""
FEWEST: Final = 8
ENOUGH: Final = 0.8
"""Share of the good crops that must register; below, the place has no common print (or several layouts)."""
_CANDIDATES: Final = 5
_JURY: Final = 12
_ROUNDS: Final = 2
_DIFFERS: Final = 0.35
"""Median absolute deviation of the local contrast from which print differs part by part."""
_NEARBY: Final = 1 / 200
"""Sigma that deviations are smoothed with, as a share of the longer side."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """A reference, and how well the good crops fit it.

    Attributes:
        reference: None where too few crops agree.
        registered: how many crops registered to it.
        crops: out of so many.
        correlation: the median of those that registered; 0 where none did.
    """

    reference: Reference | None
    registered: int
    crops: int
    correlation: float


def views_of(photos: Iterable[tuple[Image, Quad]], height: int, width: int) -> list[View]:
    """What `learn` learns from: photos with the label's rough corners, and the largest crop's height and width."""
    size = reference_size(height, width)
    return [look(image, corners, size) for image, corners in photos]


def learn(views: Sequence[View], height: int, width: int, *, progress: Progress | None = None) -> Learnt:
    """Learn from good crops; the same crops give the same reference.

    Args:
        views: of good parts of one place, see `views_of`; at most `MOST` are looked at, evenly spread.
        height: of the largest crop.
        width: likewise.
        progress: called as `progress("reference", done, total)`.
    """
    size = reference_size(height, width)
    chosen = [views[i] for i in spread(len(views), MOST)]
    if len(chosen) < FEWEST:
        return Learnt(None, 0, len(chosen), 0.0)
    total = _CANDIDATES * min(_JURY, len(chosen)) + _ROUNDS * len(chosen)
    done = 0

    def fit(some: Sequence[View], reference: Reference) -> list[tuple[Matrix, float] | None]:
        nonlocal done
        fitted = []
        for view in some:
            found = align(view, reference)
            fitted.append(found if found is not None and found[1] >= LEAST_CORRELATION else None)
            done += 1
            if progress is not None:
                progress("reference", done, total)
        return fitted

    everywhere = np.ones(size, np.bool_)
    jury = [chosen[i] for i in spread(len(chosen), _JURY)]
    candidates = [
        Reference(_warp(chosen[i], chosen[i].matrix, size), everywhere) for i in spread(len(chosen), _CANDIDATES)
    ]
    votes = [_votes(fit(jury, candidate)) for candidate in candidates]
    reference = candidates[votes.index(max(votes))]
    fitted: list[tuple[Matrix, float] | None] = []
    for _ in range(_ROUNDS):
        fitted = fit(chosen, reference)
        lying = [(view, found[0]) for view, found in zip(chosen, fitted, strict=True) if found is not None]
        if len(lying) < ENOUGH * len(chosen):
            break
        reference = _median(lying, size)
    correlations = [found[1] for found in fitted if found is not None]
    enough = len(correlations) >= ENOUGH * len(chosen)
    middle = float(np.median(correlations)) if correlations else 0.0
    return Learnt(reference if enough else None, len(correlations), len(chosen), middle)


def spread(count: int, most: int) -> list[int]:
    """At most `most` of `count` indices, evenly spread."""
    return sorted({int(i) for i in np.linspace(0, count - 1, min(count, most)).round()}) if count else []


def _median(lying: Sequence[tuple[View, Matrix]], size: tuple[int, int]) -> Reference:
    """The median of registered crops, placed where the rough corners have it on the whole."""
    corners = [transform(matrix @ np.linalg.inv(view.matrix), outline(size) - 0.5) for view, matrix in lying]
    middle = np.median(corners, axis=0).astype(np.float32)
    recentre = cv2.getPerspectiveTransform(middle, (outline(size) - 0.5).astype(np.float32))
    stack = np.array([_warp(view, recentre @ matrix, size) for view, matrix in lying])
    picture = np.median(stack, axis=0)
    deviation = np.median(np.abs(stack - picture), axis=0)
    nearby = cv2.GaussianBlur(deviation, (0, 0), _NEARBY * max(size))
    return Reference(picture.astype(np.float32), nearby < _DIFFERS)


def _warp(view: View, matrix: Matrix, size: tuple[int, int]) -> NDArray[np.float32]:
    warped = cv2.warpPerspective(
        view.picture, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.float32)


def _votes(fitted: Sequence[tuple[Matrix, float] | None]) -> tuple[int, float]:
    correlations = [found[1] for found in fitted if found is not None]
    return len(correlations), float(np.median(correlations)) if correlations else 0.0
