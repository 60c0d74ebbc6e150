"""From labelled photos to a model version: split, crop, fit, calibrate, evaluate."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from shared.crop_recipe import CropRecipe
from shared.errors import LinegateError
from shared.models.base import AnomalyModel, Image, Progress
from shared.models.card import DataSummary, ModelCard, SelfCheck
from shared.models.embedding import EmbeddingStream
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.self_check import make_self_check
from shared.models.spec import ModelSpec
from shared.registration_reference import Reference, pack, unpack
from shared.registry.records import StationConfig
from training.caveats import caveats
from training.code_version import code_version
from training.data.crops import CropPolicy, Crops
from training.data.sample import Sample
from training.data.source import DataSet
from training.data.split import SCHEMES, Split, split
from training.digests import data_digest, photo_digests
from training.evaluate import calibration_of, compared_with, measured
from training.examples import choose_examples
from training.metrics import confusion
from training.options import TrainOptions
from training.pixel_metrics import PixelMetrics
from training.reference import MOST, Learnt, learn, spread, views_of
from training.result import TrainingResult
from training.scoring import score_crops

LEAST_TRAIN: Final = 2


class FitRejected(LinegateError):
    """The model cannot be made as asked."""


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
        digests = photo_digests(data.samples, report)
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
    calibration = calibration_of(options, scored, test)
    decided = confusion(test.scores, test.damaged, calibration.threshold)
    with _timed(seconds, "evaluate"):
        metrics, intervals = measured(test, decided, pixels, options)
        examples = choose_examples(test, calibration.threshold, model, crops)
    card = ModelCard(
        calibration=calibration,
        metrics=metrics,
        data=DataSummary(
            name=data.name,
            digest=data_digest(data.samples, digests),
            train_good=len(good),
            calibration_good=len(scored.good_scores),
            calibration_damaged=len(scored.damaged_scores),
            test_good=len(test.good_scores),
            test_damaged=len(test.damaged_scores),
        ),
        embedding=embedding and embedding.held_out(compared_with(options, scored, test).good_distances),
        protocol=options.protocol,
        code_version=code_version(),
        crop=_recipe(options, crops.reference),
        self_check=_self_check(model, options),
        weights_are_random=model.spec.extractor.weights.are_random,
        parent=options.parent,
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
        warnings=(*calibration.warnings, *caveats(data, crops, card, learnt)),
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


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[stage] = perf_counter() - start
