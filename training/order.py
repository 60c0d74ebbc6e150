"""A version that somebody wants, with what it is made, and what was made. Light to import, and all of it goes as JSON:
so that a process or a machine that fits needs no more than this, and one that only hands over needs no torch.
"""  # noqa: D205 - one sentence

from pathlib import Path

from pydantic import Field

from shared.events import TrainingSpec, VersionId
from shared.events.base import Model
from shared.registry.place_key import PlaceKey
from shared.registry.records import StationConfig, VersionRecord
from shared.settings import ImageSettings


class Order(Model):
    """A version that somebody wants."""

    version: VersionId
    """What it is to be called."""
    spec: TrainingSpec = TrainingSpec()
    place: PlaceKey | None = None
    """Where it is meant to judge."""
    parent: VersionId | None = None
    """The version it is to replace."""
    job: str | None = None
    """The training job that makes it."""
    author: str = "unknown"
    note: str = ""


class Means(Model):
    """With what it is made: of this machine, and nothing that the version depends on."""

    limits: ImageSettings = Field(default_factory=ImageSettings)
    """Of the decoder."""
    detector: Path | None = None
    """Weights of the label detector; None takes the one that ships with Linegate."""
    cache: Path | None = None
    """Folder that keeps crops between trainings."""
    device: str = "auto"


class Made(Model):
    """A version that lies in a folder and that nobody knows of yet."""

    record: VersionRecord
    """What the registry will be told."""
    bundle: Path
    papers: dict[str, Path]
    """Report, card and perhaps the reference and its picture, in the words of `training.papers.NAMES`."""
    warnings: tuple[str, ...] = ()
    """For people."""


def station_of(spec: TrainingSpec) -> StationConfig:
    """How a line has to crop for a version of this spec, but for the reference."""
    return StationConfig(
        policy="mask_rcnn" if spec.crop == "mask_rcnn" else "full_frame",
        height=spec.crop_height or spec.height,
        width=spec.crop_width or spec.width,
        orient=spec.orient,
    )
