"""The steps of a rollout as somebody asks for them, by HTTP or in the console: what they say, and the transition."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.events.base import VersionId
from shared.registry import lifecycle
from shared.registry.guard import Guard
from shared.registry.lifecycle import Transition

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
