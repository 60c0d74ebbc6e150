"""What the registry keeps: versions, assignments and stations."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from shared.crop_recipe import CropRecipe
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
    crop: CropRecipe | None = None
    """The crops it was made for, as its card says; None where that is not known."""
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


class StationConfig(CropRecipe):
    """How photos of a place are cropped."""

    presence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Least detector confidence that counts as a found label."""

    def recipe(self) -> CropRecipe:
        """What determines the crops, without what only decides whether there is one."""
        return CropRecipe(**{name: getattr(self, name) for name in CropRecipe.model_fields})


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
