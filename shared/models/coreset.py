"""Greedy k-center selection (PatchCore algorithm 1): the few patches that stay close to all patches.

Exact: the picks are those of the textbook algorithm, which after each pick measures every point's distance to it. Most
of that work is skipped, since the triangle inequality proves it useless: let x be m away from its nearest centre c.
A new centre z with d(c, z) >= 2 m is at least d(c, z) - m >= m away from x, so x keeps its distance m.
"""

from collections.abc import Callable
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.random_projection import SparseRandomProjection, johnson_lindenstrauss_min_dim

First = Literal["far", "zero"]
SAFETY: Final = 1 - 1e-4
"""Pruning bound shrunk by far more than float32 rounding, so that rounding can never prune a point that matters."""
CHUNK: Final = 8192
"""Points gathered at once; bounds the copies besides the features themselves."""
REPORT_EVERY: Final = 64
"""Picks between two reports of progress."""


def k_center_greedy(
    points: torch.Tensor, count: int, *, first: First = "far", report: Callable[[int], None] | None = None
) -> NDArray[np.int64]:
    """Indices of `count` centres, in the order they were picked.

    Each centre is the point farthest from all earlier ones; of equally far points, the one with the lowest index.

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
    # int32 halves what the hot loop reads.
    owner = torch.zeros(total, dtype=torch.int32, device=points.device)
    centres = torch.empty((count, points.shape[1]), dtype=points.dtype, device=points.device)
    centres[0] = points[pick]
    while len(picks) < count:
        pick = int(nearest.argmax())
        if float(nearest[pick]) == 0.0:
            break
        number = len(picks)
        centres[number] = points[pick]
        bound = distances_to(centres[:number], centres[number]).mul_(0.5 * SAFETY)
        affected = torch.gt(nearest, bound[owner]).nonzero().squeeze(1)
        for start in range(0, len(affected), CHUNK):
            rows = affected[start : start + CHUNK]
            distance = distances_to(points.index_select(0, rows), centres[number])
            closer = distance < nearest[rows]
            nearest[rows[closer]] = distance[closer]
            owner[rows[closer]] = number
        picks.append(pick)
        if report is not None and len(picks) % REPORT_EVERY == 0:
            report(len(picks))
    return np.array(picks, dtype=np.int64)


def distances_to(points: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
    """Euclidean distances (N,) from points (N, D) to one centre (D,), by differences and in one pass over the points.

    Not by |x|^2 + |c|^2 - 2xc: that cancels for near points, and its rounding depends on how the points are blocked.
    """
    return torch.cdist(points, centre[None], compute_mode="donot_use_mm_for_euclid_dist").squeeze(1)


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
