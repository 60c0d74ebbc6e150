"""What the registry keeps: versions, assignments and stations."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from shared.events.base import Model, Sha256, now
from shared.registry.place_key import PlaceKey

VersionId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,94}$")]


class VersionRecord(Model):
    """One immutable model version: a name for a bundle, and where it came from."""

    version: VersionId
    digest: Sha256
    """sha256 of the bundle file in the artifact store."""
    kind: str
    """The model's kind, e.g. `patchcore`."""
    created: AwareDatetime = Field(default_factory=now)
    author: str = "unknown"
    note: str = ""


class Canary(Model):
    """A version on trial for a share of the parts."""

    version: VersionId
    percent: Annotated[float, Field(ge=0, le=100)]


class Assignment(Model):
    """Which versions judge at a place."""

    champion: VersionId
    canary: Canary | None = None
    shadow: VersionId | None = None
    author: str = "unknown"

    def versions(self) -> tuple[str, ...]:
        """Every version this assignment names, the champion first."""
        named = (self.champion, self.canary.version if self.canary else None, self.shadow)
        return tuple(version for version in named if version is not None)


class StationConfig(Model):
    """How photos of a place are cropped."""

    policy: Literal["mask_rcnn", "roi", "full_frame"] = "mask_rcnn"
    polygon: tuple[tuple[float, float], ...] | None = None
    """For `roi`: four corners (x, y) as fractions of the photo's width and height, in reading order."""
    height: Annotated[int, Field(ge=16, le=4096)] = 256
    width: Annotated[int, Field(ge=16, le=4096)] = 256
    """Largest crop, in pixels. Nothing is enlarged beyond its native resolution."""
    presence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Least detector confidence that counts as a found label."""
    orient: bool = True
    """Turn the crop into reading direction."""

    @model_validator(mode="after")
    def _polygon_for_roi(self) -> Self:
        if (self.policy == "roi") != (self.polygon is not None):
            raise ValueError("policy roi needs a polygon, and only roi takes one")
        if self.polygon is not None and (
            len(self.polygon) != 4 or not all(0 <= v <= 1 for corner in self.polygon for v in corner)
        ):
            raise ValueError("polygon: four corners (x, y), each a fraction between 0 and 1")
        return self


class AuditEntry(Model):
    """One change of the registry, as its append-only stream keeps it."""

    stream_id: str
    table: Literal["versions", "assignments", "stations"]
    key: str
    revision: int
    author: str
    time: AwareDatetime
    before: str | None
    """JSON of the former record; None when there was none."""
    after: str | None
    """JSON of the new record; None when it was removed."""


class Resolved(Model):
    """An assignment found for a place, with the key that matched and its revision."""

    key: PlaceKey
    revision: int
    assignment: Assignment
