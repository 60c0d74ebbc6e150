"""What the demo does: two plants, two models, two camera situations."""

from dataclasses import dataclass
from typing import Final

from shared.events import CameraKind


@dataclass(frozen=True, slots=True)
class DemoPlant:
    """One plant of the demo, with the model it gets and the photos it sends."""

    name: str
    title: str
    """For people."""
    zone: str
    """Its time zone."""
    line: str
    layout: str
    camera: CameraKind
    kind: str
    """Model kind."""
    version: str
    height: int
    width: int
    """The crop's and the model's input size, in pixels; the layout's own aspect ratio."""
    train_photos: int
    """Studio photos the model is made from and tested on, good and damaged."""
    live_photos: int
    damaged: float
    seed: int

    @property
    def key(self) -> str:
        """The assignment key of the model."""
        return f"{self.name}/{self.line}/*/*/{self.camera}"


PLANTS: Final = (
    DemoPlant(
        name="spartanburg",
        title="Spartanburg",
        zone="America/New_York",
        line="line-1",
        layout="us",
        camera="stationary",
        kind="patchcore",
        version="us-stationary-patchcore-1",
        # Two thirds of the label's native resolution: on other photos, hairline cracks were lost at two fifths.
        height=320,
        width=528,
        train_photos=240,
        live_photos=100,
        damaged=0.3,
        seed=11,
    ),
    DemoPlant(
        name="munich",
        title="Munich",
        zone="Europe/Berlin",
        line="rework",
        layout="gb",
        camera="mobile",
        kind="padim",
        version="gb-mobile-padim-1",
        height=160,
        width=384,
        train_photos=360,
        live_photos=100,
        damaged=0.3,
        seed=12,
    ),
)
LIVE_SEED: Final = 1000
"""Added to a plant's seed for the photos it streams, so that no photo is ever both trained on and judged."""
