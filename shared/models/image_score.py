"""From patch distances to one raw image score. Pure functions on (N, P) arrays: N crops, P patches each."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Distances = NDArray[np.float64]
Mask = NDArray[np.bool_]
PAPER_NEIGHBOURHOOD: Final = 9
"""PatchCore's b, the bank items around the nearest one that the paper's reweighting looks at (anomalib's default)."""


def top_fraction_mean(distances: Distances, fraction: float, inside: Mask | None = None) -> Distances:
    """Mean of the largest `fraction` of each crop's patches (at least one patch): (N, P) to (N,).

    Less at the mercy of a single patch than the maximum, and better at high precision.

    Args:
        distances: patch distances.
        fraction: of the patches that are inside, in (0, 1].
        inside: patches that show any of the picture; the others (padding) do not count. None: all of them.
    """
    if inside is None:
        inside = np.ones(distances.shape, dtype=bool)
    ordered = -np.sort(-np.where(inside, distances, -np.inf), axis=1)
    counts = np.maximum(1, np.rint(inside.sum(axis=1) * fraction)).astype(np.int64)
    kept = np.arange(distances.shape[1])[None] < counts[:, None]
    return np.asarray(np.where(kept, ordered, 0.0).sum(axis=1) / counts)


def maximum(distances: Distances, inside: Mask | None = None) -> Distances:
    """The largest patch distance of each crop: (N, P) to (N,)."""
    return np.asarray((distances if inside is None else np.where(inside, distances, -np.inf)).max(axis=1))


def author_score(nearest: Distances, inside: Mask | None = None) -> Distances:
    """The study authors' PatchCore score: weight times the largest distance, (N, P, k) to (N,).

    The weight is 1 - the largest softmax over the worst patch's own k distances (not the paper's neighbourhood of the
    bank item), so k = 1 gives zero and is refused.

    Args:
        nearest: distances of each patch to its k nearest bank items, ascending. Euclidean: a flat L2 index as the
            authors use returns squares, which saturate the softmax wherever features are not small (then the weight
            is nearly zero, or NaN without stabilisation, and the ranking is lost).
        inside: as in `top_fraction_mean`.

    Raises:
        ValueError: k = 1.
    """
    if nearest.shape[2] < 2:
        raise ValueError("the authors' weight needs k >= 2 neighbours: with one, every score is zero")
    worst = worst_patch(nearest[:, :, 0], inside)
    rows = nearest[np.arange(len(nearest)), worst]
    return np.asarray((1 - _softmax(rows).max(axis=1)) * rows[:, 0])


def worst_patch(distances: Distances, inside: Mask | None = None) -> NDArray[np.int64]:
    """The index of each crop's most distant patch, the lowest where several are equal: (N, P) to (N,)."""
    masked = distances if inside is None else np.where(inside, distances, -np.inf)
    return np.asarray(masked.argmax(axis=1), dtype=np.int64)


def paper_score(distance: Distances, neighbourhood: Distances) -> Distances:
    """PatchCore equation 7: reweight the largest distance by how isolated its bank item is, (N,) and (N, b) to (N,).

    Args:
        distance: of the worst patch to its nearest bank item m*.
        neighbourhood: of the worst patch to the b bank items nearest to m*, m* itself first.
    """
    # Softmax of m* among its neighbourhood, stabilised; the paper's plain exp overflows at distances near 700.
    return np.asarray((1 - _softmax(neighbourhood)[:, 0]) * distance)


def _softmax(rows: Distances) -> Distances:
    exponents = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))
