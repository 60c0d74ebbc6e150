"""Make one model version: the same for the command, for a request and for a plan of many.

Making needs photos and a device, nothing else: no Redis, no Kafka, no store, no secret. So it may run in a process or
on a machine of its own, and what it answers travels as JSON. `training.publish.publish_version` hands it over.
"""

import threading
from pathlib import Path

from shared.errors import LinegateError
from shared.events import TrainingSpec
from shared.models.base import Progress
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from training import arguments
from training.data.source import DataSet
from training.fit import train
from training.options import TrainOptions
from training.order import Made, Means, Order, station_of
from training.papers import NAMES, write_papers
from training.publish import Reference
from training.result import TrainingResult
from training.version_record import version_record


class Stopped(LinegateError):
    """The training was called off before it was done."""


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
        reference: what the spec's `reference` comes to, see `training.publish.reference_of`.
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
