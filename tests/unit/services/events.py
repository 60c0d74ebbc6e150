"""Events for tests of the steps."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from shared.events import Check, PartCrop, PartImage, Timings
from shared.images import encode_png
from shared.models.base import Image

CAPTURED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def picture(seed: int = 0, height: int = 64, width: int = 64) -> Image:
    """Noise on grey."""
    return np.random.default_rng(seed).integers(90, 160, (height, width, 3), dtype=np.uint8)


def photo(name: str = "1", **more: Any) -> PartImage:
    """A valid photo event of plant munich, line-1."""
    fields = {
        "id": f"photo-{name}",
        "time": CAPTURED,
        "part": f"P{name}",
        "plant": "munich",
        "line": "line-1",
        "captured": CAPTURED,
        "mediatype": "image/png",
        "pixels": encode_png(picture(len(name))),
    }
    return PartImage.model_validate(fields | more)


def crop(name: str = "1", **more: Any) -> PartCrop:
    """A valid crop event of plant munich, line-1."""
    fields = {
        "id": f"crop-{name}",
        "time": CAPTURED,
        "part": f"P{name}",
        "plant": "munich",
        "line": "line-1",
        "captured": CAPTURED,
        "image": f"photo-{name}",
        "mediatype": "image/png",
        "pixels": encode_png(picture(len(name))),
        "presence": Check(name="presence", result="skipped"),
        "policy": "full_frame",
        "timings": Timings(),
    }
    return PartCrop.model_validate(fields | more)


def not_found(name: str = "1") -> PartCrop:
    """A crop event that says that no part was found."""
    absent = Check(name="presence", result="fail", score=0.1, threshold=0.5)
    return crop(name, mediatype=None, pixels=None, presence=absent, policy="mask_rcnn")
