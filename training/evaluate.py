"""The threshold from the calibration scores, and the metrics of the test scores with their intervals."""

from shared.models.card import Calibration, Interval
from training.bootstrap import bootstrap_intervals
from training.calibrate import calibrate
from training.metrics import Confusion, image_metrics
from training.options import TrainOptions
from training.pixel_metrics import PixelMetrics
from training.scoring import Scored


def calibration_of(options: TrainOptions, held_out: Scored, test: Scored) -> Calibration:
    """The threshold: by the held-out scores, or as the study's authors did by the test scores themselves.

    Raises:
        CalibrationRejected: no threshold can be set as asked.
    """
    parts = compared_with(options, held_out, test)
    rule, parameter = ("author", None) if options.protocol == "author" else (options.rule, options.parameter)
    return calibrate(parts.good_scores, parts.damaged_scores, rule=rule, parameter=parameter)


def compared_with(options: TrainOptions, held_out: Scored, test: Scored) -> Scored:
    """The parts that set the threshold and that live ones are compared with; the study's are those of the test."""
    return test if options.protocol == "author" else held_out


def measured(
    test: Scored, decided: Confusion, pixels: PixelMetrics | None, options: TrainOptions
) -> tuple[dict[str, float], dict[str, Interval]]:
    """What can be measured on the test scores, and the 95 % intervals of the image metrics."""
    values: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    if len(test.good_scores):
        values["false_alarm_rate_at_threshold"] = decided.false_alarm_rate
    if len(test.damaged_scores):
        values["recall_at_threshold"] = decided.recall
    if len(test.good_scores) and len(test.damaged_scores):
        values["precision_at_threshold"] = decided.precision
        values["f1_at_threshold"] = decided.f1
        values.update(image_metrics(test.scores, test.damaged))
        if options.resamples:
            intervals = bootstrap_intervals(
                image_metrics, test.scores, test.damaged, seed=options.seed, resamples=options.resamples
            )
    if pixels is not None and pixels.measurable:
        values.update(pixel_auroc=pixels.auroc(), aupro=pixels.aupro())
    return values, intervals
