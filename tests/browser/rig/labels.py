"""Two plants whose labels are plainly good or plainly damaged, so that the console is under test and no model."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np

from shared.events import PartImage, new_event_id, now
from shared.models.base import Image
from shared.registry.records import StationConfig
from training.studio.photo import StudioPhoto, photograph

CROP: Final = (192, 336)
"""Height and width in pixels, of the crop and of the model's input."""
PLAIN: Final = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 14, 15, 16, 17, 18, 22)
"""Seeds whose damage nobody would overlook: the models score it at 36.7 or more, and good labels at 31.8 at most."""
FIRST_LIVE_SEED: Final = 10_000
INSET: Final = 0.97
"""Of the label's mean outline, so that a label that sits a few pixels aside fills the crop all the same."""


@dataclass(frozen=True)
class Plant:
    """One plant with one line, whose camera stands still."""

    name: str
    title: str
    layout: str
    zone: str
    line: str = "line-1"

    def good(self, seed: int) -> StudioPhoto:
        """The same seed gives the same pixels, so what a model says of them is the same everywhere."""
        return photograph(seed, layout=self.layout, camera="stationary")

    def damaged(self, seed: int) -> StudioPhoto:
        """A label with bubbles under it."""
        return photograph(seed, layout=self.layout, camera="stationary", damage="bubble", severity=1.0)

    @cached_property
    def station(self) -> StationConfig:
        """A fixed region: where the labels of a few good photos lie on the average."""
        photos = [self.good(seed) for seed in range(8)]
        outline = np.mean([photo.polygon for photo in photos], axis=0)
        centre = outline.mean(axis=0)
        height, width = photos[0].image.shape[:2]
        corners = (centre + (outline - centre) * INSET) / (width, height)
        polygon = tuple((round(float(x), 4), round(float(y), 4)) for x, y in corners)
        return StationConfig(policy="roi", polygon=polygon, height=CROP[0], width=CROP[1], orient=False)

    def photo(self, part: str, number: int, *, damaged: bool) -> PartImage:
        """The event that a camera sends. Seeds of the line are none that the model was made from."""
        seed = FIRST_LIVE_SEED + (PLAIN[number % len(PLAIN)] if damaged else number)
        photo = self.damaged(seed) if damaged else self.good(seed)
        return PartImage(
            id=new_event_id(),
            part=part,
            plant=self.name,
            line=self.line,
            layout=self.layout,
            camera="stationary",
            captured=now(),
            mediatype="image/jpeg",
            pixels=_jpeg(photo.image),
        )


MUNICH: Final = Plant("munich", "Werk München", "row", "Europe/Berlin")
SPARTANBURG: Final = Plant("spartanburg", "Spartanburg", "us", "America/New_York")
PLANTS: Final = (MUNICH, SPARTANBURG)


def _jpeg(pixels: Image) -> bytes:
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done
    return data.tobytes()
