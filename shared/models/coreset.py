"""Greedy k-center selection (PatchCore algorithm 1): the few patches that stay close to all patches.

Exact: the picks are those of the textbook algorithm, which after each pick measures every point's distance to it. Most
of those distances are never measured, because a cheap lower bound (`Sketch`) shows that they cannot be the smallest.
"""

from collections.abc import Callable
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.random_projection import SparseRandomProjection, johnson_lindenstrauss_min_dim

First = Literal["far", "zero"]
SKETCH_WIDTH: Final = 32
"""Principal coordinates in a sketch: fewer cost less a pass but rule out less (8, 16, 32, 48 of 152 took 7.9, 4.6,
3.7, 3.5 ms a pick on 102,400 patches with one thread; without a sketch 18)."""
SKETCH_WORTH: Final = 2 * SKETCH_WIDTH
"""Narrower points are measured outright."""
SKETCH_SAMPLE: Final = 16384
"""Points that the principal axes are computed from. Any orthonormal axes give a true bound, better ones a tighter."""
RELATIVE_SLACK: Final = 1e-4
ABSOLUTE_SLACK: Final = 1e-5
"""Both far above float32 rounding, so that rounding can never rule out a point that matters."""
CHUNK: Final = 8192
"""Points gathered at once; bounds the copies besides the features themselves."""
REPORT_EVERY: Final = 64
"""Picks between two reports of progress."""


def k_center_greedy(
    points: torch.Tensor, count: int, *, first: First = "far", report: Callable[[int], None] | None = None
) -> NDArray[np.int64]:
    """Indices of `count` centres, in the order they were picked.

    Each centre is the point farthest from all earlier ones; of equally far points, the one with the lowest index.
    Memory besides `points`: a sketch of (N, 33) and a few numbers per point.

    Args:
        points: (N, D) float32, finite, on any device. Not copied.
        count: how many, at most N.
        first: the first centre: `far`, the point farthest from the mean of all (does not depend on the order of the
            pictures but for ties), or `zero`, index 0 as the study's authors do.
        report: called now and then with the number of picks so far.

    Returns:
        (count,) int64; fewer where every point coincides with a centre already.

    Raises:
        ValueError: no points, or `count` out of range.
    """
    total = len(points)
    if not 1 <= count <= total:
        raise ValueError(f"cannot pick {count} centres of {total} points")
    pick = 0 if first == "zero" else int(distances_to(points, points.mean(dim=0)).argmax())
    picks = [pick]
    nearest = distances_to(points, points[pick])
    # A GPU measures all points faster than it could sort out which ones to measure.
    sketch = Sketch(points) if points.shape[1] > SKETCH_WORTH and points.device.type == "cpu" else None
    while len(picks) < count:
        pick = int(nearest.argmax())
        if float(nearest[pick]) == 0.0:
            break
        picks.append(pick)
        if sketch is None:
            torch.minimum(nearest, distances_to(points, points[pick]), out=nearest)
        else:
            _lower(points, pick, sketch.maybe_closer(pick, nearest), nearest)
        if report is not None and len(picks) % REPORT_EVERY == 0:
            report(len(picks))
    return np.array(picks, dtype=np.int64)


def distances_to(points: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
    """Euclidean distances (N,) from points (N, D) to one centre (D,), by differences and in one pass over the points.

    Not by |x|^2 + |c|^2 - 2xc: that cancels for near points, and its rounding depends on how the points are blocked.
    """
    return torch.cdist(points, centre[None], compute_mode="donot_use_mm_for_euclid_dist").squeeze(1)


class Sketch:
    """A few coordinates per point whose distances never exceed the points' own.

    Split x into its part p along some orthonormal axes and the rest r. Then |x - y|^2 = |p_x - p_y|^2 + |r_x - r_y|^2,
    and |r_x - r_y| >= ||r_x| - |r_y||. So the coordinates (p, |r|) give a lower bound on every distance.
    """

    def __init__(self, points: torch.Tensor) -> None:
        """Sketch (N, D) points, D > SKETCH_WIDTH."""
        mean = points.mean(dim=0).double()
        sample = points[:: max(1, len(points) // SKETCH_SAMPLE)].double() - mean
        axes = torch.linalg.eigh(sample.T @ sample).eigenvectors[:, -SKETCH_WIDTH:]
        self._coordinates = torch.empty((len(points), SKETCH_WIDTH + 1), dtype=torch.float32)
        for start in range(0, len(points), CHUNK):
            rows = slice(start, start + CHUNK)
            centred = points[rows].double() - mean
            along = centred @ axes
            self._coordinates[rows, :SKETCH_WIDTH] = along
            # From the remainder itself: the difference of two squares would cancel and spoil the bound.
            self._coordinates[rows, SKETCH_WIDTH] = (centred - along @ axes.T).norm(dim=1)
        self._slack = ABSOLUTE_SLACK * float(self._coordinates.norm(dim=1).max())

    def maybe_closer(self, pick: int, nearest: torch.Tensor) -> torch.Tensor:
        """Indices (n,) of all points that may lie closer than `nearest` (N,) to point `pick`."""
        bound = distances_to(self._coordinates, self._coordinates[pick])
        return torch.lt(bound.mul_(1 - RELATIVE_SLACK).sub_(self._slack), nearest).nonzero().squeeze(1)


def _lower(points: torch.Tensor, pick: int, rows: torch.Tensor, nearest: torch.Tensor) -> None:
    """Lower `nearest` of some points to their distance to point `pick` where that is smaller."""
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        distance = distances_to(points.index_select(0, some), points[pick])
        nearest[some] = torch.minimum(nearest[some], distance)


def author_projection(points: torch.Tensor, seed: int) -> torch.Tensor:
    """The study authors' sparse random projection (eps 0.9), used for the selection only; it approximates distances.

    Never widens: where Johnson-Lindenstrauss asks for no fewer dimensions than there are, the points come back as is.
    """
    dimensions = int(johnson_lindenstrauss_min_dim(len(points), eps=0.9))
    if dimensions >= points.shape[1]:
        return points
    projection = SparseRandomProjection(n_components=dimensions, random_state=seed).fit(points[:1].cpu().numpy())
    matrix = torch.from_numpy(np.ascontiguousarray(projection.components_.toarray().T, dtype=np.float32))
    return points @ matrix.to(points.device)
