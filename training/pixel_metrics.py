"""How well anomaly maps show where the damage is, streamed: no map is kept.

Every map value is counted once in a histogram whose bins are the leading bits of the float itself, so that no value
range must be known beforehand and a bin is never wider than 1/2048 of its value. ROC and per-region overlap are
then sums over bins.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

KEPT_BITS: Final = 20
"""Sign, exponent and 11 bits of the mantissa of a float32."""
BINS: Final = 1 << KEPT_BITS
FPR_LIMIT: Final = 0.3
"""AUPRO's usual integration limit (Bergmann et al., IJCV 2021, section 5.1)."""


def _bins(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """A bin number for each value; a greater value never has a smaller bin."""
    bits = (values.astype(np.float32) + np.float32(0)).view(np.uint32)  # adding 0 turns -0 into +0
    # Negative floats order backwards by their bits; flipping them makes unsigned order equal numeric order.
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return (ordered >> np.uint32(32 - KEPT_BITS)).astype(np.int64)


class PixelMetrics:
    """Pixel AUROC and AUPRO over any number of maps, in constant memory (about 24 MB)."""

    def __init__(self) -> None:
        self._good = np.zeros(BINS, dtype=np.int64)
        self._damaged = np.zeros(BINS, dtype=np.int64)
        self._overlap = np.zeros(BINS, dtype=np.float64)
        self._regions = 0

    def add(self, anomaly_map: NDArray[np.float32], mask: NDArray[np.bool_]) -> None:
        """Count one map and the damage in it; a good part's mask is all False.

        Args:
            anomaly_map: (H, W) float32.
            mask: (H, W) bool, True where the part is damaged.

        Raises:
            ValueError: the shapes differ, or the map is not finite.
        """
        if anomaly_map.shape != mask.shape:
            raise ValueError(f"the map is {anomaly_map.shape}, its mask {mask.shape}")
        if not np.isfinite(anomaly_map).all():
            raise ValueError("the anomaly map is not finite")
        bins = _bins(anomaly_map)
        np.add.at(self._good, bins[~mask], 1)
        if not mask.any():
            return
        np.add.at(self._damaged, bins[mask], 1)
        # 8-connected regions, as in the published evaluation of MVTec AD.
        regions, count = ndimage.label(mask, structure=np.ones((3, 3), dtype=np.int8))
        sizes = np.bincount(regions.ravel(), minlength=count + 1)
        np.add.at(self._overlap, bins[mask], 1.0 / sizes[regions[mask]])
        self._regions += count

    @property
    def measurable(self) -> bool:
        """Whether both damaged and good pixels were seen."""
        return self._regions > 0 and bool(self._good.any())

    def auroc(self) -> float:
        """Chance that a damaged pixel's value is above a good one's, over all pixels of all maps; ties count half."""
        self._require()
        fpr, tpr = _falling(self._good), _falling(self._damaged)
        return float(np.trapezoid(tpr, fpr))

    def aupro(self, limit: float = FPR_LIMIT) -> float:
        """Area under the per-region-overlap curve up to a false positive rate of `limit`, as a share of `limit`.

        Per-region overlap at a threshold is the mean, over connected damaged regions, of the share of the region above
        it (Bergmann et al., IJCV 2021); the false positive rate is over all good pixels of all maps.
        """
        self._require()
        fpr = _falling(self._good)
        overlap = np.concatenate([[0.0], np.cumsum(self._overlap[::-1])]) / self._regions
        inside = fpr <= limit
        at_limit = np.interp(limit, fpr, overlap)
        return float(np.trapezoid(np.append(overlap[inside], at_limit), np.append(fpr[inside], limit)) / limit)

    def _require(self) -> None:
        if not self.measurable:
            raise ValueError("pixel metrics need damaged and good pixels")


def _falling(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the counts at or above each bin, from above all bins down to the lowest."""
    cumulative: NDArray[np.float64] = np.concatenate([[0.0], np.cumsum(counts[::-1])])
    return cumulative / float(counts.sum())
