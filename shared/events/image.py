"""The event a camera sends: one photo of one part."""

from typing import ClassVar, Self

from pydantic import model_validator

from shared.events.base import PixelEvent


class PartImage(PixelEvent):
    """A photo of a part, as it came from the camera. The pixels are required, inline or by `dataref`."""

    TYPE: ClassVar[str] = "io.linegate.image.v1"
    TOPIC: ClassVar[str] = "linegate.images"

    @model_validator(mode="after")
    def _pixels_required(self) -> Self:
        if self.pixels is None and self.dataref is None:
            raise ValueError("no picture: put the bytes in the record's value, or name them by dataref")
        return self
