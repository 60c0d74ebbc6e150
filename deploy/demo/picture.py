"""A verdict as people like to see it: the photo with the found label, the crop, and where it looks damaged."""

import io
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from services.tally import damage_score
from shared.events import PartAnomalyMap, PartCrop, Verdict

RED, GREEN, INK, PAPER = "#c62828", "#2e7d32", "#1b1f24", "#ffffff"


def draw(photo: bytes, crop: PartCrop, heat: PartAnomalyMap, verdict: Verdict, path: Path) -> None:
    """Write a PNG of one verdict to `path`.

    Args:
        photo: the photo as it was sent, encoded.
        crop: the crop's event, with pixels.
        heat: the anomaly map's event, with pixels.
        verdict: the verdict's event.
        path: where the PNG goes.
    """
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    picture, label, scores = _decode(photo), _decode(crop.pixels), _scores(heat)
    colour = RED if verdict.decision == "fail" else GREEN
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.5), facecolor=PAPER, width_ratios=[1.35, 1.6, 1.6])
    outlined = picture.copy()
    if crop.corners is not None:
        corners = np.array(crop.corners, dtype=np.int32)
        cv2.polylines(
            outlined, [corners], isClosed=True, color=(255, 193, 7), thickness=max(2, picture.shape[1] // 250)
        )
    axes[0].imshow(outlined)
    axes[1].imshow(label)
    axes[2].imshow(cv2.cvtColor(label, cv2.COLOR_RGB2GRAY), cmap="gray", vmin=0, vmax=255)
    threshold = next((check.threshold for check in verdict.checks if check.name == "damage"), None) or 0.0
    # Transparent below half the threshold, so that the eye goes where the model looked.
    alpha = np.clip((scores - 0.5 * threshold) / max(threshold, 1e-9), 0, 0.75)
    axes[2].imshow(scores, cmap="inferno", alpha=alpha, vmin=0.5 * threshold, vmax=max(float(scores.max()), threshold))
    for axis, title in zip(axes, ("photo, label found", "rectified crop", "anomaly map"), strict=True):
        axis.set_title(title, fontsize=10, color=INK)
        axis.set_axis_off()
    score = damage_score(verdict)
    model = "no model" if verdict.model is None else f"{verdict.model.version}, {verdict.model.arm}"
    figure.suptitle(
        f"{verdict.decision.upper()}    damage score {score:.2f} against threshold {threshold:.2f}",
        color=colour,
        fontsize=14,
        fontweight="bold",
    )
    figure.text(
        0.5,
        0.02,
        f"part {verdict.part}    {verdict.plant}/{verdict.line}    layout {verdict.layout}    model {model}",
        ha="center",
        fontsize=9,
        color=INK,
    )
    figure.tight_layout(rect=(0, 0.05, 1, 0.97))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _decode(pixels: bytes | None) -> NDArray[np.uint8]:
    if pixels is None:
        raise ValueError("an event without pixels cannot be drawn")
    with Pillow.open(io.BytesIO(pixels)) as picture:
        return np.asarray(picture.convert("RGB"))


def _scores(heat: PartAnomalyMap) -> NDArray[np.float32]:
    grey = _decode(heat.pixels)[..., 0].astype(np.float32)
    return np.asarray(heat.low + grey / 255 * (heat.high - heat.low), dtype=np.float32)
