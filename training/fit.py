"""From labelled photos to a model version: split, crop, fit, calibrate, evaluate."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Final, Literal, TypeAlias

from shared.crop_recipe import CropRecipe
from shared.errors import LinegateError
from shared.models.base import AnomalyModel, Image, Progress
from shared.models.card import Calibration, DataSummary, Interval, ModelCard, SelfCheck, ThresholdRule
from shared.models.embedding import EmbeddingStream
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.self_check import make_self_check
from shared.models.spec import ModelSpec
from shared.registration_reference import Reference, pack, unpack
from shared.registry.records import StationConfig
from shared.settings import ImageSettings
from training.bootstrap import bootstrap_intervals
from training.calibrate import calibrate
from training.data.crops import CropPolicy, Crops
from training.data.sample import DataRejected, Sample
from training.data.source import DataSet
from training.data.split import SCHEMES, Scheme, Split, split
from training.examples import Examples, choose_examples
from training.metrics import Confusion, confusion, image_metrics
from training.pixel_metrics import PixelMetrics
from training.reference import MOST, Learnt, learn, spread, views_of
from training.scoring import Scored, score_crops

Protocol: TypeAlias = Literal["clean", "author"]
LEAST_TRAIN: Final = 2


class FitRejected(LinegateError):
    """The model cannot be made as asked."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a model version is made, besides its spec.

    Attributes:
        crop: how the part is found in the photo.
        station: the largest crop; give the line's own settings, since a model judges crops of its own kind only.
        scheme: shares of train, calibration and test.
        protocol: `clean` sets the threshold on calibration parts and measures on a locked test; `author` sets it by
            equal error rate on the test parts themselves, as the study's authors did.
        rule: threshold rule; None chooses, see `calibrate`.
        parameter: the rule's number.
        seed: of the split and the resampling.
        reference: content of the reference's file that crops are registered to, or `learn` for one of these photos;
            None registers nothing. For `mask_rcnn` only.
        limits: of the decoder.
        detector: weights file of the label detector; None takes the one that ships with Linegate.
        cache: folder that keeps crops between runs.
        pixel_metrics: whether to measure maps against drawn masks, where there are any.
        resamples: of the bootstrap; 0 leaves the intervals out.
    """

    crop: CropPolicy = "mask_rcnn"
    station: StationConfig = field(default_factory=StationConfig)
    scheme: Scheme = "half"
    protocol: Protocol = "clean"
    rule: ThresholdRule | None = None
    parameter: float | None = None
    seed: int = 0
    reference: bytes | Literal["learn"] | None = None
    limits: ImageSettings = field(default_factory=ImageSettings)
    detector: Path | None = None
    cache: Path | None = None
    pixel_metrics: bool = True
    resamples: int = 1000


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """A fitted model and everything that was learnt about it.

    Attributes:
        model: fitted.
        card: for the bundle.
        reference: content of the reference's file that the crops were registered to; None: to none.
        options: as asked.
        split: who was where; samples whose crop was not found are in it still.
        calibration: scores that set the threshold.
        test: scores that judged the result.
        decided: what the threshold decides on the test parts.
        intervals: of the test metrics, by name.
        examples: pictures worth a look.
        seconds: time by stage.
        ms_per_image: forward pass and score, batched, on this machine.
        not_found: names of photos in which no label was found.
        unregistered: names of photos whose crop could not be registered.
        warnings: for people; those of the calibration among them.
    """

    model: AnomalyModel
    card: ModelCard
    reference: bytes | None
    options: TrainOptions
    split: Split
    calibration: Scored
    test: Scored
    decided: Confusion
    intervals: Mapping[str, Interval]
    examples: Examples
    seconds: Mapping[str, float]
    ms_per_image: float
    not_found: tuple[str, ...]
    unregistered: tuple[str, ...]
    warnings: tuple[str, ...]


def train(
    data: DataSet, spec: ModelSpec, options: TrainOptions, *, pool: ExtractorPool, progress: Progress | None = None
) -> TrainingResult:
    """Make one model version.

    Args:
        data: labelled photos.
        spec: the method, its backbone and its options.
        options: see `TrainOptions`.
        pool: where the backbone comes from, and the device.
        progress: called as `progress(stage, done, total)`; stages `read`, `reference`, `crop`, the
            model's own, `calibrate`, `test`.

    Raises:
        DataRejected: the photos cannot be used.
        CalibrationRejected: no threshold can be set as asked.
        FitRejected: the spec is wrong, or too few parts were found.
    """
    report = progress or (lambda *_: None)
    seconds: dict[str, float] = {}
    with _timed(seconds, "read"):
        digests = _digests(data.samples, report)
    parts = split(data.samples, SCHEMES[options.scheme], seed=options.seed, group=lambda s: s.part or digests[s.name])
    model = _make(spec, pool)
    crops = Crops(options.crop, options.station, limits=options.limits, detector=options.detector, cache=options.cache)
    with _timed(seconds, "reference"):
        reference, learnt = _reference(crops, parts, options, report)
    with _timed(seconds, "crop"):
        everything = [*parts.train, *parts.calibration, *parts.test]
        for done, _ in enumerate(crops.stream(everything), start=1):
            report("crop", done, len(everything))
    lost = frozenset(crops.not_found)
    good = [s for s in parts.train if not s.damaged and s.name not in lost]
    if len(good) < LEAST_TRAIN:
        hint = "no label was found in the photos: --crop full_frame takes the whole photo" if lost else None
        raise FitRejected(
            f"{len(good)} good crops are too few to learn from", hint=hint or "about 50 good photos make a start"
        )
    with _timed(seconds, "fit"):
        embeddings = EmbeddingStream(model.spec.extractor.input)
        model.fit(_Pixels(crops, good), progress=progress, seen=embeddings.add)
        embedding = embeddings.reference()
    with _timed(seconds, "calibrate"):
        held_out = [s for s in parts.calibration if s.name not in lost]
        scored = score_crops(
            model,
            crops.stream(held_out),
            embedding=embedding,
            advance=lambda done: report("calibrate", done, len(held_out)),
        )
    judged = [s for s in parts.test if s.name not in lost]
    pixels = PixelMetrics() if options.pixel_metrics and any(s.mask is not None for s in judged) else None
    with _timed(seconds, "test"):
        test = score_crops(
            model,
            crops.stream(judged, masks=pixels is not None),
            embedding=embedding,
            pixels=pixels,
            advance=lambda done: report("test", done, len(judged)),
        )
    calibration = _calibration(options, scored, test)
    decided = confusion(test.scores, test.damaged, calibration.threshold)
    with _timed(seconds, "evaluate"):
        measured, intervals = _measured(test, decided, pixels, options)
        examples = choose_examples(test, calibration.threshold, model, crops)
    card = ModelCard(
        calibration=calibration,
        metrics=measured,
        data=DataSummary(
            name=data.name,
            digest=_data_digest(data.samples, digests),
            train_good=len(good),
            calibration_good=len(scored.good_scores),
            calibration_damaged=len(scored.damaged_scores),
            test_good=len(test.good_scores),
            test_damaged=len(test.damaged_scores),
        ),
        embedding=None if embedding is None else embedding.held_out(_held_out(options, scored, test).good_distances),
        protocol=options.protocol,
        code_version=_code_version(),
        crop=_recipe(options, crops.reference),
        self_check=_self_check(model, options),
        weights_are_random=model.spec.extractor.weights.are_random,
    )
    return TrainingResult(
        model=model,
        card=card,
        reference=reference,
        options=options,
        split=parts,
        calibration=scored,
        test=test,
        decided=decided,
        intervals=intervals,
        examples=examples,
        seconds=seconds,
        ms_per_image=1000 * scored.seconds / max(1, len(scored.samples)),
        not_found=tuple(crops.not_found),
        unregistered=tuple(crops.unregistered),
        warnings=(*calibration.warnings, *_warnings(data, crops, card, learnt)),
    )


class _Pixels:
    """The crops of some samples as a sized iterable, which is what a model fits on."""

    def __init__(self, crops: Crops, samples: Sequence[Sample]) -> None:
        self._crops, self._samples = crops, samples

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Image]:
        return (crop.pixels for crop in self._crops.stream(self._samples))


def _reference(
    crops: Crops, parts: Split, options: TrainOptions, report: Progress
) -> tuple[bytes | None, Learnt | None]:
    """Give the crops their reference; answers its file's content, and how the learning went where it was learnt."""
    if options.crop != "mask_rcnn" or options.reference is None:
        return None, None
    learnt = None
    content = options.reference
    if content == "learn":
        good = [sample for sample in parts.train if not sample.damaged]
        station = options.station
        views = views_of(crops.located(good[i] for i in spread(len(good), MOST)), station.height, station.width)
        learnt = learn(views, station.height, station.width, progress=report)
        if learnt.reference is None:
            return None, learnt
        content = pack(learnt.reference, {"crops": learnt.crops, "registered": learnt.registered})
    # Read back, so that training crops by what the line will read.
    crops.reference = unpack(content)
    return content, learnt


def _self_check(model: AnomalyModel, options: TrainOptions) -> SelfCheck:
    """On a picture of the size of the line's largest crop; of the network's input where there is no such size."""
    size = model.spec.extractor.input if options.crop == "none" else options.station
    return make_self_check(model, size.height, size.width)


def _recipe(options: TrainOptions, reference: Reference | None) -> CropRecipe | None:
    if options.crop == "none":
        return None
    return crop_recipe(options.crop, options.station, None if reference is None else reference.digest)


def crop_recipe(crop: CropPolicy, station: StationConfig, reference: str | None) -> CropRecipe:
    """What a line must do to make crops like those of a training; ground-truth corners stand for a perfect detector."""
    policy = "mask_rcnn" if crop == "polygon" else crop
    return CropRecipe.model_validate({**station.recipe().model_dump(), "policy": policy, "reference": reference})


def _make(spec: ModelSpec, pool: ExtractorPool) -> AnomalyModel:
    try:
        return make_model(spec, pool)
    except (ValueError, LookupError) as error:
        # pydantic's errors have many lines; the first two name the option and what is wrong with it.
        lines = [line.strip() for line in str(error.args[0] if error.args else error).splitlines() if line.strip()]
        raise FitRejected(f"cannot make this model: {' '.join(lines[:3])}") from error


def _calibration(options: TrainOptions, held_out: Scored, test: Scored) -> Calibration:
    parts = _held_out(options, held_out, test)
    rule, parameter = ("author", None) if options.protocol == "author" else (options.rule, options.parameter)
    return calibrate(parts.good_scores, parts.damaged_scores, rule=rule, parameter=parameter)


def _held_out(options: TrainOptions, held_out: Scored, test: Scored) -> Scored:
    """The parts that live ones are compared with: the study's protocol has no others than the test parts."""
    return test if options.protocol == "author" else held_out


def _measured(
    test: Scored, decided: Confusion, pixels: PixelMetrics | None, options: TrainOptions
) -> tuple[dict[str, float], dict[str, Interval]]:
    measured: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    if len(test.good_scores):
        measured["false_alarm_rate_at_threshold"] = decided.false_alarm_rate
    if len(test.damaged_scores):
        measured["recall_at_threshold"] = decided.recall
    if len(test.good_scores) and len(test.damaged_scores):
        measured["precision_at_threshold"] = decided.precision
        measured["f1_at_threshold"] = decided.f1
        measured.update(image_metrics(test.scores, test.damaged))
        if options.resamples:
            intervals = bootstrap_intervals(
                image_metrics, test.scores, test.damaged, seed=options.seed, resamples=options.resamples
            )
    if pixels is not None and pixels.measurable:
        measured.update(pixel_auroc=pixels.auroc(), aupro=pixels.aupro())
    return measured, intervals


def _digests(samples: Sequence[Sample], report: Callable[[str, int, int | None], None]) -> dict[str, str]:
    """sha256 of each encoded photo, by sample name.

    Raises:
        DataRejected: one photo is labelled both good and damaged.
    """
    digests: dict[str, str] = {}
    first: dict[str, Sample] = {}
    for done, sample in enumerate(samples, start=1):
        digest = hashlib.sha256(sample.read()).hexdigest()
        twin = first.setdefault(digest, sample)
        if twin.label != sample.label:
            raise DataRejected(
                f"{twin.name} and {sample.name} are the same photo, one labelled {twin.label}, one {sample.label}"
            )
        digests[sample.name] = digest
        report("read", done, len(samples))
    return digests


def _data_digest(samples: Sequence[Sample], digests: Mapping[str, str]) -> str:
    lines = sorted(f"{digests[sample.name]} {sample.label}" for sample in samples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _warnings(data: DataSet, crops: Crops, card: ModelCard, learnt: Learnt | None) -> Iterator[str]:
    if learnt is not None and learnt.reference is None:
        yield (
            f"crops are not registered: only {learnt.registered} of {learnt.crops} good crops share enough print with "
            "each other (several layouts in one data set? --layout takes one)"
        )
    if crops.unregistered:
        labels = Counter(sample.label for sample in data.samples if sample.name in set(crops.unregistered))
        told = " and ".join(f"{count} {label}" for label, count in sorted(labels.items()))
        yield f"the crops of {told} photos could not be registered to the reference: they lie where the mask has them"
    if crops.not_found:
        labels = Counter(sample.label for sample in data.samples if sample.name in set(crops.not_found))
        told = " and ".join(f"{count} {label}" for label, count in sorted(labels.items()))
        yield f"no label was found in {told} photos: they were left out; the line would fail them for presence"
    if card.weights_are_random:
        yield "the backbone has random weights: this is a test of the plumbing, never a quality result"
    if not card.data.test_good or not card.data.test_damaged:
        yield "the test parts lack good or damaged ones: only what the rest allows was measured"


def _code_version() -> str:
    try:
        return version("linegate")
    except PackageNotFoundError:
        return "unknown: run from a checkout that is not installed"


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[stage] = perf_counter() - start
