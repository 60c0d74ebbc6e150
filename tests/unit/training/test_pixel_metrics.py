"""Streamed pixel metrics against their definitions over all pixels at once."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from training.pixel_metrics import PixelMetrics


def _pictures(rng: np.random.Generator, *, shift: float = 0.0) -> list[tuple[np.ndarray, np.ndarray]]:
    pictures = []
    for size in ((40, 30), (25, 50), (32, 32)):
        mask = np.zeros(size, bool)
        mask[3:9, 4:10] = True
        mask[20:22, 20:28] = True
        values = rng.normal(shift, 1, size) + 1.5 * mask
        pictures.append((values.astype(np.float32), mask))
    pictures.append((rng.normal(shift, 1, (20, 20)).astype(np.float32), np.zeros((20, 20), bool)))
    return pictures


def _slow_aupro(pictures: list[tuple[np.ndarray, np.ndarray]], limit: float) -> float:
    """Per-region overlap, threshold by threshold, as defined by Bergmann et al."""
    regions = []
    for values, mask in pictures:
        labels, count = ndimage.label(mask, np.ones((3, 3)))
        regions += [values[labels == i] for i in range(1, count + 1)]
    good = np.concatenate([values[~mask] for values, mask in pictures])
    fpr, overlap = [0.0], [0.0]
    for threshold in np.sort(np.unique(np.concatenate([v.ravel() for v, _ in pictures])))[::-1]:
        fpr.append(float((good >= threshold).mean()))
        overlap.append(float(np.mean([(region >= threshold).mean() for region in regions])))
    inside = np.array(fpr) <= limit
    x = np.append(np.array(fpr)[inside], limit)
    y = np.append(np.array(overlap)[inside], np.interp(limit, fpr, overlap))
    return float(np.trapezoid(y, x) / limit)


@pytest.mark.parametrize("shift", [0.0, 40.0, -40.0])
def test_agrees_with_the_definitions(shift: float) -> None:
    """Streaming and binning change neither figure beyond the bin width, whatever the scores' range or sign."""
    pictures = _pictures(np.random.default_rng(5), shift=shift)
    metrics = PixelMetrics()
    for values, mask in pictures:
        metrics.add(values, mask)
    truth = np.concatenate([mask.ravel() for _, mask in pictures])
    values = np.concatenate([values.ravel() for values, _ in pictures])
    assert metrics.auroc() == pytest.approx(roc_auc_score(truth, values), abs=5e-3 if shift else 5e-4)
    assert metrics.aupro() == pytest.approx(_slow_aupro(pictures, 0.3), abs=1e-2 if shift else 2e-3)
    assert metrics.aupro(1.0) == pytest.approx(_slow_aupro(pictures, 1.0), abs=1e-2 if shift else 2e-3)


def test_a_perfect_map_scores_one() -> None:
    """The mask itself as a map is perfect in both figures."""
    metrics = PixelMetrics()
    mask = np.zeros((16, 16), bool)
    mask[2:5, 2:5] = True
    metrics.add(mask.astype(np.float32), mask)
    assert metrics.auroc() == 1.0
    assert metrics.aupro() == pytest.approx(1.0)


def test_a_constant_map_is_chance() -> None:
    """A map without information has AUROC one half, and negative zero ties with zero."""
    metrics = PixelMetrics()
    mask = np.zeros((8, 8), bool)
    mask[:2] = True
    metrics.add(np.where(mask, np.float32(-0.0), np.float32(0.0)), mask)
    assert metrics.auroc() == 0.5


def test_small_regions_weigh_as_much_as_large_ones() -> None:
    """Missing a small region costs AUPRO as much as missing a large one; pixel AUROC hardly notices."""
    mask = np.zeros((64, 64), bool)
    mask[:30, :30] = True
    mask[60:62, 60:62] = True
    found_large = mask.astype(np.float32)
    found_large[60:62, 60:62] = -1
    metrics = PixelMetrics()
    metrics.add(found_large, mask)
    assert metrics.auroc() > 0.99
    assert metrics.aupro() == pytest.approx(0.5, abs=0.01)


def test_needs_damaged_pixels() -> None:
    """Good parts alone measure nothing, and say so."""
    metrics = PixelMetrics()
    metrics.add(np.zeros((4, 4), np.float32), np.zeros((4, 4), bool))
    assert not metrics.measurable
    with pytest.raises(ValueError, match="damaged and good pixels"):
        metrics.aupro()


def test_refuses_what_does_not_fit() -> None:
    """A mask of another shape, or a map with NaN, raises."""
    metrics = PixelMetrics()
    with pytest.raises(ValueError, match="its mask"):
        metrics.add(np.zeros((4, 4), np.float32), np.zeros((4, 5), bool))
    with pytest.raises(ValueError, match="not finite"):
        metrics.add(np.full((4, 4), np.nan, np.float32), np.zeros((4, 4), bool))
