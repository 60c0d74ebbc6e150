"""Make one model version, and hand it over: the same for the command, for a request and for a plan of many.

Making needs photos and a device, nothing else: no Redis, no Kafka, no store, no secret. So it may run in a process or
on a machine of its own, and what it answers travels as JSON. Handing over needs the store, the key and the registry.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field

from shared.errors import LinegateError
from shared.events import TrainingSpec, VersionId
from shared.events.base import Model
from shared.models.base import Progress
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from shared.registry.place_key import PlaceKey
from shared.registry.records import StationConfig, VersionRecord
from shared.settings import ImageSettings, Settings
from training import arguments, publish
from training.data.source import DataSet
from training.fit import train
from training.options import TrainOptions
from training.papers import NAMES, write_papers
from training.result import TrainingResult
from training.version_record import version_record

Reference: TypeAlias = bytes | Literal["learn"] | None
"""What crops are registered to: content of a reference's file, one to be learnt, or nothing."""


class Stopped(LinegateError):
    """The training was called off before it was done."""


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
    """A version that lies in a folder and that nobody knows of yet. Goes through JSON unchanged."""

    record: VersionRecord
    """What the registry will be told."""
    bundle: Path
    papers: dict[str, Path]
    """Report, card and perhaps the reference and its picture, in the words of `training.papers.NAMES`."""
    warnings: tuple[str, ...] = ()
    """For people."""


def make_version(
    order: Order,
    data: DataSet,
    out: Path,
    *,
    means: Means,
    reference: Reference,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> tuple[Made, TrainingResult]:
    """Fit, calibrate, evaluate; write bundle, report and card to `out`. Everything that can be wrong about the
    question is told before the minutes of work.

    Args:
        order: what is wanted.
        data: labelled photos; of these the layouts and cameras of the spec are taken.
        out: folder for the files, made where it is not there.
        means: with what.
        reference: what the spec's `reference` comes to, see `reference_of`.
        progress: called as `progress(stage, done, total)`.
        stop: looked at between two steps of the work.

    Returns:
        What was made, and everything that was learnt on the way, for whoever shows it.

    Raises:
        ArgumentRejected: the rule, the spec or the folder cannot be used, or no photos are left.
        DataRejected, CalibrationRejected, FitRejected: see `training.fit.train`.
        Stopped: `stop` was set.
    """  # noqa: D205 - one sentence
    spec = order.spec
    rule, parameter = arguments.threshold_rule(spec.rule)
    chosen = arguments.narrowed(data, spec.layouts, spec.cameras)
    bundle = _room_for(order.version, out)
    options = TrainOptions(
        crop=spec.crop,
        station=station_of(spec),
        scheme=spec.split,
        protocol=spec.protocol,
        rule=rule,
        parameter=parameter,
        seed=spec.seed,
        reference=reference,
        limits=means.limits,
        detector=means.detector,
        cache=means.cache,
        parent=order.parent,
    )
    told = _stoppable(progress, stop)
    result = train(chosen, _model_spec(spec), options, pool=ExtractorPool(means.device), progress=told)
    digest = write_bundle(bundle, result.model, result.card)
    papers = write_papers(out, result, version=order.version, digest=digest)
    record = version_record(
        order.version,
        result.model,
        result.card,
        digest=digest,
        author=order.author,
        note=order.note or f"trained on {chosen.name}",
        place=order.place,
        job=order.job,
    )
    return Made(record=record, bundle=bundle, papers=papers, warnings=result.warnings), result


def reference_of(spec: TrainingSpec, place: PlaceKey | None, settings: Settings) -> Reference:
    """What the spec's `reference` comes to; `auto` asks the registry for the station of exactly `place`.

    Raises:
        ArgumentRejected: a reference is asked for with a crop policy that takes none.
        ReferenceRejected: the artifact is no reference.
        StoreError: the store does not have it, or does not answer.
        RegistryUnavailable: Redis does not answer.
    """
    return arguments.reference(spec.reference, spec.crop, place, settings)


def station_of(spec: TrainingSpec) -> StationConfig:
    """How a line has to crop for a version of this spec, but for the reference."""
    return StationConfig(
        policy="mask_rcnn" if spec.crop == "mask_rcnn" else "full_frame",
        height=spec.crop_height or spec.height,
        width=spec.crop_width or spec.width,
        orient=spec.orient,
    )


def publish_version(
    made: Made, settings: Settings, *, before_register: Callable[[], None] = lambda: None
) -> VersionRecord:
    """Put bundle, reference and papers into the store, sign, register: in this order, so that no registered version
    lacks its bundle or its signature.

    Args:
        made: by `make_version`.
        settings: of the store, the key and the registry.
        before_register: called right before the version is made known; what it raises keeps that from happening.

    Returns:
        The record that the registry holds.

    Raises:
        KeyRejected: the signing key cannot be used.
        StoreError: the store cannot be written.
        RegistryUnavailable: Redis does not answer.
        VersionExists: the name belongs to another bundle.
    """  # noqa: D205 - one sentence
    reference = made.papers.get("reference")
    return publish.register(
        made.bundle,
        made.record,
        [path for path in made.papers.values() if path.suffix != made.bundle.suffix],
        settings,
        reference=None if reference is None else reference.read_bytes(),
        before_register=before_register,
    )


def _model_spec(spec: TrainingSpec) -> ModelSpec:
    shape = InputSpec(height=spec.height, width=spec.width, fit=spec.fit, scaling=spec.scaling)
    weights = WeightsSpec(source=spec.weights)
    extractor = ExtractorSpec(backbone=spec.backbone, stages=spec.stages, weights=weights, input=shape)
    return ModelSpec(kind=spec.kind, extractor=extractor, options={"seed": spec.seed, **spec.options})


def _room_for(version: str, out: Path) -> Path:
    """Where the bundle goes, once it is known that it can and that nothing is overwritten."""
    bundle = out / f"{version}.safetensors"
    if taken := next((path for path in (bundle, *(out / name for name in NAMES.values())) if path.exists()), None):
        raise arguments.ArgumentRejected(f"{taken} exists already", hint="choose another --out folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise arguments.ArgumentRejected(f"cannot write to {out}: {error.strerror}") from None
    return bundle


def _stoppable(progress: Progress | None, stop: threading.Event | None) -> Progress:
    def told(stage: str, done: int, total: int | None) -> None:
        if stop is not None and stop.is_set():
            raise Stopped(f"stopped while at {stage}")
        if progress is not None:
            progress(stage, done, total)

    return told
