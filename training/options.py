"""How a model version is made, besides its spec."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from shared.models.card import ThresholdRule
from shared.registry.records import StationConfig
from shared.settings import ImageSettings
from training.data.crops import CropPolicy
from training.data.split import Scheme

Protocol: TypeAlias = Literal["clean", "author"]


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
        parent: the version that this one is to replace, for the card.
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
    parent: str | None = None
