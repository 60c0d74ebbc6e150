"""The event between crop and score: the rectified label, or the word that none was found."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from shared.events.base import PixelEvent, RecordAt, Sha256
from shared.events.verdict import Check, Timings

Corner = tuple[float, float]
Quadrilateral = tuple[Corner, Corner, Corner, Corner]


class PartCrop(PixelEvent):
    """One part, rectified: pixels are a lossless PNG, native scale, in reading direction, never normalised.

    Without pixels it says that the part was not found; `presence` then failed and tells why.
    """

    TYPE: ClassVar[str] = "io.linegate.crop.v1"
    TOPIC: ClassVar[str] = "linegate.crops"

    image: Annotated[str, Field(min_length=1, max_length=128)]
    """Id of the photo's event."""
    presence: Check
    corners: Quadrilateral | None = None
    """Where the crop lies in the photo: (x, y) in its pixels, clockwise from the crop's top-left."""
    rotated: bool | None = None
    """Whether the crop was turned by 180 degrees into reading direction; None when that was not examined."""
    registered: bool | None = None
    """Whether the crop was registered to `reference`, so that print lies where it lay in training. False: that did not
    verify, and the crop lies where the detector's mask has it. None: the station has no reference."""
    reference: Sha256 | None = None
    """The reference that the station has its crops registered to."""
    policy: str
    """The crop policy that was in force: `mask_rcnn`, `roi` or `full_frame`."""
    timings: Timings
    photoat: RecordAt | None = None
    """Where the photo's record lies in its topic, as long as Kafka keeps it."""

    @model_validator(mode="after")
    def _pixels_with_presence(self) -> Self:
        if (self.presence.result == "fail") != (self.pixels is None and self.dataref is None):
            raise ValueError("a crop has pixels exactly when the presence check did not fail")
        return self
