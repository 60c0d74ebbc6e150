"""Stage features to one embedding per patch: what PatchCore and PaDiM both call an embedding."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch.nn import functional

Upsampling = Literal["bilinear", "nearest"]


def patch_embedding(maps: Sequence[torch.Tensor], *, average_pool: bool, upsampling: Upsampling) -> torch.Tensor:
    """Concatenate the stages on the finest grid.

    Args:
        maps: one (N, C_i, h_i, w_i) tensor per stage, finest first.
        average_pool: average each 3 x 3 neighbourhood first (stride 1, zero padding counted), PatchCore section 3.1.
        upsampling: of the coarser stages; `nearest` replicates, as PaDiM's authors do.

    Returns:
        (N, sum of C_i, h_0, w_0).
    """
    if average_pool:
        maps = [functional.avg_pool2d(m, kernel_size=3, stride=1, padding=1) for m in maps]
    grid = maps[0].shape[-2:]
    aligned = [maps[0]]
    for coarse in maps[1:]:
        # torch takes `align_corners` for bilinear only.
        corners = False if upsampling == "bilinear" else None
        aligned.append(functional.interpolate(coarse, size=grid, mode=upsampling, align_corners=corners))
    return torch.cat(aligned, dim=1)
