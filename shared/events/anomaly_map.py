"""The picture of where a crop looked anomalous, published for failed parts."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from shared.events.base import PixelEvent


class PartAnomalyMap(PixelEvent):
    """An anomaly map: 8-bit greyscale PNG at the crop's size; value v means score low + v / 255 * (high - low)."""

    TYPE: ClassVar[str] = "io.linegate.map.v1"
    TOPIC: ClassVar[str] = "linegate.maps"

    image: Annotated[str, Field(min_length=1, max_length=128)]
    """Id of the photo's event."""
    version: str
    """The model version that made it."""
    low: float
    high: float

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.high < self.low:
            raise ValueError("high must not be below low")
        return self
