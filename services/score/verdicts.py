"""From scores to verdict events. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shared.events import (
    Check,
    Event,
    ModelStamp,
    PartAnomalyMap,
    PartCrop,
    ShadowVerdict,
    Timings,
    Verdict,
    decide,
    derived_event_id,
)
from shared.images import encode_png

Clock = Callable[[], datetime]


def damage_check(score: float, threshold: float, scores: NDArray[np.float32] | None = None) -> Check:
    """The damage check on a raw score: at or above the threshold fails.

    Args:
        score: of the crop.
        threshold: in the same measure.
        scores: the crop's (H, W) float32 score map, where there is one.
    """
    result: Literal["fail", "pass"] = "fail" if score >= threshold else "pass"
    peak = None if scores is None else peak_of(scores)
    return Check(name="damage", result=result, score=score, threshold=threshold, peak=peak)


def peak_of(scores: NDArray[np.float32]) -> tuple[float, float]:
    """Where an (H, W) map is highest: x and y of that pixel's middle, as shares of width and height."""
    row, column = np.unravel_index(int(scores.argmax()), scores.shape)
    height, width = scores.shape
    return (float(column) + 0.5) / width, (float(row) + 0.5) / height


def verdict(crop: PartCrop, damage: Check, model: ModelStamp | None, timings: Timings, *, clock: Clock) -> Verdict:
    """The verdict on a crop; a shadow model's is a `ShadowVerdict`, which never gates."""
    shadow = model is not None and model.arm == "shadow"
    kind = ShadowVerdict if shadow else Verdict
    purpose = f"shadow:{model.version}" if shadow and model is not None else "verdict"
    checks = (damage, crop.presence)
    at = clock()
    return kind(
        **crop.carried(),
        id=derived_event_id(crop.image, purpose),
        source="/linegate/score",
        time=at,
        image=crop.image,
        decision=decide(checks),
        checks=checks,
        model=model,
        timings=timings.model_copy(update={"capture_to_verdict": (at - crop.captured).total_seconds() * 1000}),
        trace=None if crop.traceparent is None else crop.traceparent.split("-")[1],
        photo=crop.photoat,
        crop=crop.lies_at,
    )


def not_found(crop: PartCrop, *, clock: Clock) -> Verdict:
    """The verdict on a photo in which no part was found: presence failed, damage was not examined."""
    skipped = Check(name="damage", result="skipped", detail="no part to examine")
    return verdict(crop, skipped, None, crop.timings, clock=clock)


def anomaly_map(crop: PartCrop, version: str, scores: NDArray[np.float32]) -> Event:
    """The map event of a crop from its (H, W) float32 score map."""
    low, high = float(scores.min()), float(scores.max())
    grey = np.round((scores - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    return PartAnomalyMap(
        **crop.carried(),
        id=derived_event_id(crop.image, f"map:{version}"),
        source="/linegate/score",
        image=crop.image,
        version=version,
        low=low,
        high=high,
        mediatype="image/png",
        pixels=encode_png(grey),
    )
