"""What a training ends with: a fitted model and everything that was learnt about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.models.base import AnomalyModel
from shared.models.card import Interval, ModelCard
from training.data.split import Split
from training.examples import Examples
from training.metrics import Confusion
from training.options import TrainOptions
from training.scoring import Scored


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
