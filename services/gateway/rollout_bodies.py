"""What the routes of rollouts take and answer."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.events.base import VersionId
from shared.registry import lifecycle
from shared.registry.guard import Guard
from shared.registry.lifecycle import Stage, Transition
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, AuditEntry, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.registry.stages import stages

Note = Annotated[str, StringConstraints(max_length=1024, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
_WHY = Field("", description="Why, in one line; kept in the audit.", examples=["as good as the old one for a week"])


class Step(BaseModel):
    """A step of a rollout. Each says by itself which one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: Note = _WHY

    def names(self) -> str | None:
        """The version that it puts to work by name."""
        return None

    def transition(self, at: datetime) -> Transition:
        """The step as the registry takes it, at the time `at`."""
        raise NotImplementedError


class ShadowStep(Step):
    """Have a version look on."""

    version: VersionId

    def names(self) -> str | None:
        """The version."""
        return self.version

    def transition(self, at: datetime) -> Transition:
        """As `lifecycle.shadow`."""
        del at
        return partial(lifecycle.shadow, version=self.version)


class CanaryStep(Step):
    """Put a version on trial, or change its share."""

    version: VersionId
    percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False, description="Of the parts.", examples=[20])]

    def names(self) -> str | None:
        """The version."""
        return self.version

    def transition(self, at: datetime) -> Transition:
        """As `lifecycle.canary`."""
        return partial(lifecycle.canary, version=self.version, percent=self.percent, at=at)


class PromoteStep(Step):
    """Make a version the champion."""

    version: VersionId | None = Field(None, description="By default the version on trial.")
    direct: bool = Field(False, description="Also a version that was not on trial, or whose trial is paused.")

    def names(self) -> str | None:
        """The version, where it is named."""
        return self.version

    def transition(self, at: datetime) -> Transition:
        """As `lifecycle.promote`."""
        del at
        return partial(lifecycle.promote, version=self.version, direct=self.direct)


class RollbackStep(Step):
    """Take back what was done last."""

    what: Literal["canary", "champion", "shadow"] | None = Field(
        None, description="The trial, the promotion or the shadow; by default the trial where there is one."
    )

    def transition(self, at: datetime) -> Transition:
        """As `lifecycle.rollback`."""
        del at
        return partial(lifecycle.rollback, what=self.what)


class PauseStep(Step):
    """Give the canary's parts to the champion."""

    def transition(self, at: datetime) -> Transition:
        """As `lifecycle.pause`."""
        del at
        return lifecycle.pause


class ResumeStep(Step):
    """Give the canary its parts again."""

    def transition(self, at: datetime) -> Transition:
        """As `lifecycle.resume`."""
        return partial(lifecycle.resume, at=at)


def _without_defaults(schema: dict[str, Any]) -> None:
    for described in schema["properties"].values():
        described.pop("default", None)


class GuardStep(Step, Guard):
    """Change limits of the automatic judge: what is not named stays, null switches a limit off."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_without_defaults)

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.changes():
            raise ValueError("name a limit to change")
        return self

    def changes(self) -> Mapping[str, object]:
        """The fields that were named."""
        return self.model_dump(exclude_unset=True, exclude={"note"})

    def transition(self, at: datetime) -> Transition:
        """As `lifecycle.guarded`."""
        del at
        return partial(lifecycle.guarded, changes=self.changes())


class Rollout(Assignment):
    """What judges at a key, and what is on trial there. Its entity tag is its revision in quotation marks."""

    key: PlaceKey = Field(examples=["munich/line-1/*/*/*"])
    revision: int = Field(examples=[12])

    @classmethod
    def of(cls, key: PlaceKey, held: HeldAssignment) -> Self:
        """As the registry holds it."""
        return cls.model_validate({**held.record.model_dump(), "key": key, "revision": held.revision})


class Rollouts(BaseModel):
    """Every rollout that you may see, the least specific key first."""

    rollouts: list[Rollout]


class Changed(BaseModel):
    """The step was taken."""

    rollout: Rollout
    warnings: list[str] = Field(
        description="Versions at work that were made for other crops than their stations make; empty is well."
    )


class HistoryEntry(BaseModel):
    """One change."""

    revision: int
    key: str
    time: AwareDatetime
    author: str
    action: str = Field(examples=["promote"])
    note: str
    before: Assignment | None
    after: Assignment | None

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """An entry of the audit that is of an assignment."""
        before, after = (
            None if text is None else Assignment.model_validate_json(text) for text in (entry.before, entry.after)
        )
        told = entry.model_dump(include={"revision", "key", "time", "author", "action", "note"})
        return cls(**told, before=before, after=after)


class History(BaseModel):
    """The latest changes at a key and at those under it, the newest first."""

    entries: list[HistoryEntry]


class Standing(BaseModel):
    """Where a version stands at one key."""

    key: PlaceKey
    stage: Stage


class Version(VersionRecord):
    """A registered version, without the held-out scores, and where it stands."""

    stages: list[Standing]

    @classmethod
    def of(cls, snapshot: Snapshot, record: VersionRecord) -> Self:
        """As far as `snapshot` shows."""
        told = record.model_dump()
        if told["calibration"] is not None:
            told["calibration"]["good_scores"] = ()
        standing = [Standing(key=key, stage=stage) for key, stage in stages(snapshot, record).items()]
        return cls.model_validate({**told, "stages": standing})


class Versions(BaseModel):
    """Every registered version that you may see, the newest first."""

    versions: list[Version]
