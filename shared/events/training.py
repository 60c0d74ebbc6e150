"""Jobs of the training service: asked for, cancelled, under way, done."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from shared.events.base import CameraKind, Event, Id, Model, Sha256, Slug, VersionId

PlaceText = Annotated[str, StringConstraints(min_length=1, max_length=320)]
"""A place key, e.g. `munich/line-1/*/us/*`."""
Person = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Line = Annotated[str, StringConstraints(max_length=1024)]
Side = Annotated[int, Field(ge=32, le=2048)]


class TrainingSpec(Model):
    """How a version is made. The fields are the options of `linegate train`, with the same defaults."""

    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "padim"
    backbone: Annotated[str, StringConstraints(max_length=128)] = "tf_efficientnet_lite0"
    stages: Annotated[tuple[int, ...], Field(min_length=1, max_length=8)] = (2, 3)
    weights: Annotated[str, StringConstraints(max_length=512)] = "auto"
    height: Side = 256
    width: Side = 256
    fit: Literal["pad", "stretch"] = "pad"
    scaling: Literal["weights", "unit", "gaussian"] = "weights"
    crop: Literal["mask_rcnn", "full_frame", "polygon", "none"] = "mask_rcnn"
    crop_height: Annotated[int, Field(ge=16, le=4096)] | None = None
    """Largest crop; None: the input's."""
    crop_width: Annotated[int, Field(ge=16, le=4096)] | None = None
    orient: bool = True
    reference: Annotated[str, StringConstraints(pattern=r"^(auto|learn|none|[0-9a-f]{64})$")] = "auto"
    """What crops are registered to; a sha256 names an artifact in the store."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Of the method."""
    rule: Annotated[str, StringConstraints(max_length=64)] | None = None
    """Threshold rule, `precision=0.95`; None chooses."""
    protocol: Literal["clean", "author"] = "clean"
    split: Literal["half", "study"] = "half"
    seed: Annotated[int, Field(ge=0)] = 0
    layouts: tuple[Slug, ...] = ()
    """Of the data set only these; all by default."""
    cameras: tuple[CameraKind, ...] = ()


class TrainingEvent(Event):
    """About one job."""

    job: Id
    """The job."""

    @property
    def record_key(self) -> str:
        """A job's events stay in order."""
        return self.job


class TrainingRequest(TrainingEvent):
    """Make a model version and register it as a candidate. The same job asked for twice is done once."""

    TYPE: ClassVar[str] = "io.linegate.training.request.v1"
    TOPIC: ClassVar[str] = "linegate.training.requests"

    place: PlaceText
    """Where the version is meant to judge."""
    data: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    """The data set: a folder or manifest below one of the trainer's `training.data_roots`."""
    version: VersionId | None = None
    """What it is to be called; None has a name made up."""
    spec: TrainingSpec = TrainingSpec()
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    """The greater goes first; among equals the older."""
    parent: VersionId | None = None
    """The version it is to replace, for the record."""
    author: Person
    note: Line = ""


class TrainingCancelled(TrainingEvent):
    """Somebody no longer wants a job."""

    TYPE: ClassVar[str] = "io.linegate.training.cancel.v1"
    TOPIC: ClassVar[str] = "linegate.training.requests"

    by: Person


class TrainingProgress(TrainingEvent):
    """How far a job is. Told now and then, and only the latest word on a job counts.

    The latest by its `time`: that a job waits is told in a transaction, and may come to light when it is begun already.
    """

    TYPE: ClassVar[str] = "io.linegate.training.progress.v1"
    TOPIC: ClassVar[str] = "linegate.training.progress"

    state: Literal["queued", "running"]
    stage: Annotated[str, StringConstraints(max_length=64)] | None = None
    """What it is at, e.g. `crop`, `features`, `coreset`."""
    done: Annotated[int, Field(ge=0)] = 0
    total: Annotated[int, Field(ge=0)] | None = None
    attempt: Annotated[int, Field(ge=1)] = 1
    worker: Annotated[str, StringConstraints(max_length=256)] | None = None


class TrainingResult(TrainingEvent):
    """What became of a job. One job, one result."""

    TYPE: ClassVar[str] = "io.linegate.training.result.v1"
    TOPIC: ClassVar[str] = "linegate.training.results"

    state: Literal["done", "failed", "cancelled"]
    place: PlaceText
    version: VersionId | None = None
    """The candidate that was registered; None unless `done`."""
    digest: Sha256 | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    threshold: float | None = None
    warnings: tuple[Line, ...] = ()
    reason: Line | None = None
    """Why it failed, one line."""
    hint: Line | None = None
    attempts: Annotated[int, Field(ge=1)] = 1
    started: AwareDatetime | None = None
    seconds: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _done_has_a_version(self) -> Self:
        if (self.state == "done") != (self.version is not None and self.digest is not None):
            raise ValueError("a job that is done has a version and a digest, any other has none")
        if (self.state == "failed") != (self.reason is not None):
            raise ValueError("a failed job has a reason, any other has none")
        return self
