"""From a grid of patch distances to a map of the crop: padding removed, smoothed, at the crop's own size."""

from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.models.spec import InputSpec

BLUR_SIGMA: Final = 4.0
"""Of the Gaussian, in pixels of the network's input (PaDiM section 4.3 and PatchCore section 3.3 both use 4)."""


def anomaly_map(
    grid: NDArray[np.float32], box: NDArray[np.int64], size: NDArray[np.int64], spec: InputSpec
) -> NDArray[np.float32]:
    """A (h, w) grid of patch distances as a (H, W) float32 map of the crop, in the same unit.

    Args:
        grid: patch distances over the whole input.
        box: (4,) top, left, height, width of the picture inside the input.
        size: (2,) height and width of the crop.
        spec: the input.
    """
    over_input = cv2.resize(grid, (spec.width, spec.height), interpolation=cv2.INTER_LINEAR)
    top, left, height, width = (int(value) for value in box)
    # Padding goes before the blur, so that its distances do not bleed into the picture.
    picture = np.ascontiguousarray(over_input[top : top + height, left : left + width])
    smooth = cv2.GaussianBlur(picture, (0, 0), BLUR_SIGMA, borderType=cv2.BORDER_REPLICATE)
    at_size = cv2.resize(smooth, (int(size[1]), int(size[0])), interpolation=cv2.INTER_LINEAR)
    return np.asarray(at_size, dtype=np.float32)


def anomaly_maps(
    grids: NDArray[np.float32],
    boxes: NDArray[np.int64],
    sizes: NDArray[np.int64],
    spec: InputSpec,
    wanted: Sequence[bool] | bool,
) -> list[NDArray[np.float32] | None] | None:
    """`anomaly_map` for the crops of a batch that asked for one; None where none did."""
    chosen = [wanted] * len(grids) if isinstance(wanted, bool) else list(wanted)
    if len(chosen) != len(grids):
        raise ValueError(f"{len(chosen)} wishes for maps, but {len(grids)} crops")
    if not any(chosen):
        return None
    return list(_maps(grids, boxes, sizes, spec, chosen))


def _maps(
    grids: NDArray[np.float32],
    boxes: NDArray[np.int64],
    sizes: NDArray[np.int64],
    spec: InputSpec,
    chosen: Sequence[bool],
) -> Iterator[NDArray[np.float32] | None]:
    for grid, box, size, wanted in zip(grids, boxes, sizes, chosen, strict=True):
        yield anomaly_map(grid, box, size, spec) if wanted else None
