"""What the registry keeps: versions, assignments and stations."""

from collections.abc import Collection
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from shared.crop_recipe import CropRecipe
from shared.events.base import Model, Sha256, VersionId, now
from shared.models.card import Calibration, DataSummary
from shared.models.quantiles import MOST_QUANTILES
from shared.registry.guard import Guard
from shared.registry.place_key import PlaceKey

RETIRED_KEPT: Final = 32
"""Names of retired versions that an assignment keeps; the audit stream has them all."""


class VersionRecord(Model):
    """One immutable model version: a name for a bundle, and where it came from."""

    version: VersionId
    digest: Sha256
    """sha256 of the bundle file in the artifact store."""
    kind: str
    """The model's kind, e.g. `patchcore`."""
    backbone: str | None = None
    """timm's name of the backbone; None where the method has none or it is not known."""
    crop: CropRecipe | None = None
    """The crops it was made for, as its card says; None where that is not known."""
    place: PlaceKey | None = None
    """Where it is meant to judge: it is a candidate there until an assignment names it. None: wherever it is put."""
    data: DataSummary | None = None
    """Digest and counts of the photos it was made from and tested on."""
    calibration: Calibration | None = None
    """Its threshold, how that was chosen, and the held-out scores that live ones are compared with."""
    good_distances: Annotated[tuple[float, ...], Field(max_length=MOST_QUANTILES)] = ()
    """How far the held-out good crops lie from the training crops' mean embedding, as its card has it: what live
    distances are compared with. Empty where that is not known."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """On its locked test part; only what was measured."""
    code_version: str | None = None
    parent: VersionId | None = None
    """The version it was made from, e.g. by recalibration."""
    job: str | None = None
    """The training job that made it."""
    created: AwareDatetime = Field(default_factory=now)
    author: str = "unknown"
    note: str = ""

    @property
    def held_out_good(self) -> int:
        """How many good parts its held-out scores and distances stand for; 0 where that is not known."""
        if self.calibration is None:
            return 0
        if self.calibration.rule != "feedback":
            return self.calibration.good_parts
        # Such a calibration counts the operators' labels. Its scores are still those of the version that it comes from.
        return 0 if self.data is None else self.data.calibration_good


class Canary(Model):
    """A version on trial for a share of the parts."""

    version: VersionId
    percent: Annotated[float, Field(ge=0, le=100)]
    since: AwareDatetime = Field(default_factory=now)
    """When the trial began: what it did in an earlier one does not count."""
    paused: bool = False
    """While paused the champion judges the trial's parts."""


class Assignment(Model):
    """Which versions judge at a place, and which ones did. How one may follow another: `shared.registry.lifecycle`."""

    champion: VersionId
    canary: Canary | None = None
    shadow: VersionId | None = None
    former: VersionId | None = None
    """The champion before this one: every worker keeps it warm, and a rollback puts it in force again."""
    retired: Annotated[tuple[VersionId, ...], Field(max_length=RETIRED_KEPT)] = ()
    """Versions that were in force or on trial here and are no longer, the latest first."""
    guard: Guard = Guard()
    """What the automatic judge holds a trial to."""
    author: str = "unknown"

    def versions(self) -> tuple[str, ...]:
        """Every version this assignment puts to work, the champion first."""
        named = (self.champion, self.canary.version if self.canary else None, self.shadow)
        return tuple(version for version in named if version is not None)

    def warm(self) -> tuple[str, ...]:
        """Every version that a worker keeps in memory: those at work, and the one a rollback goes back to."""
        return (*self.versions(), self.former) if self.former is not None else self.versions()


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
    table: Literal["versions", "assignments", "stations", "registry"]
    """`registry` where all of it was replaced by an import."""
    key: str
    """A place's key, or a version's name."""
    revision: int
    action: str = ""
    """What was done, e.g. `promote`; empty in entries of older writers."""
    author: str
    note: str = ""
    """Why, in the words of whoever did it."""
    time: AwareDatetime
    before: str | None
    """JSON of the former record; None when there was none."""
    after: str | None
    """JSON of the new record; None when it was removed."""

    def lies_under(self, key: PlaceKey, tables: Collection[str]) -> bool:
        """Whether it changed an entry of `tables` (of those with places) that `key` covers."""
        return self.table in {"assignments", "stations"} & set(tables) and key.covers(PlaceKey(self.key))


class Resolved(Model):
    """An assignment found for a place, with the key that matched and its revision."""

    key: PlaceKey
    revision: int
    assignment: Assignment


class Advanced(Model):
    """A rollout's step that was taken."""

    key: PlaceKey
    revision: int
    before: Assignment | None
    after: Assignment
