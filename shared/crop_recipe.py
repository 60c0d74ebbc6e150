"""How a crop is made from a photo: what the line does, and what a model expects, in the same words."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.events.base import Model, Sha256


class CropRecipe(Model):
    """Everything that determines a crop's geometry, besides the photo."""

    policy: Literal["mask_rcnn", "roi", "full_frame"] = "mask_rcnn"
    polygon: tuple[tuple[float, float], ...] | None = None
    """For `roi`: four corners (x, y) as fractions of the photo's width and height, in reading order."""
    height: Annotated[int, Field(ge=16, le=4096)] = 256
    width: Annotated[int, Field(ge=16, le=4096)] = 256
    """Largest crop, in pixels. Nothing is enlarged beyond its native resolution."""
    orient: bool = True
    """Turn the crop into reading direction."""
    reference: Sha256 | None = None
    """For `mask_rcnn`: sha256 of the reference in the artifact store that crops are registered to; None: to none."""

    @model_validator(mode="after")
    def _fits_policy(self) -> Self:
        if (self.policy == "roi") != (self.polygon is not None):
            raise ValueError("policy roi needs a polygon, and only roi takes one")
        if self.polygon is not None and (
            len(self.polygon) != 4 or not all(0 <= v <= 1 for corner in self.polygon for v in corner)
        ):
            raise ValueError("polygon: four corners (x, y), each a fraction between 0 and 1")
        if self.reference is not None and self.policy != "mask_rcnn":
            raise ValueError("only policy mask_rcnn takes a reference")
        return self

    def differences(self, other: "CropRecipe") -> list[str]:
        """Where another recipe departs from this one, each as `field: here, there`; empty when crops come out alike."""
        return [
            f"{name}: {_told(getattr(self, name))}, {_told(getattr(other, name))}"
            for name in CropRecipe.model_fields
            if getattr(self, name) != getattr(other, name)
        ]


def _told(value: object) -> str:
    if value is None:
        return "none"
    return value[:12] if isinstance(value, str) else str(value)
