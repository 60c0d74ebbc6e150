"""What travels with a model version besides its tensors: where its threshold came from and how well it did.

The card is JSON inside the bundle, so a threshold can never be separated from the scores it was made for.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from shared.crop_recipe import CropRecipe
from shared.events.base import Model, now
from shared.models.embedding import EmbeddingReference
from shared.models.quantiles import MOST_QUANTILES

ThresholdRule = Literal["precision", "mean_sd", "gumbel", "quantile", "author", "manual"]
"""How a threshold was chosen.

- `precision`: of the thresholds whose precision on labelled calibration parts reaches a target, the strictest one that
  catches the most damage.
- `mean_sd`: mean + k standard deviations of held-out good parts.
- `gumbel`: a quantile of a Gumbel distribution fitted to held-out good parts.
- `quantile`: the plain empirical quantile of held-out good parts.
- `author`: the study authors' equal error rate on the evaluated set itself; optimistic by construction.
- `manual`: set by a person.
"""


class Interval(Model):
    """A two-sided confidence interval."""

    low: float
    high: float
    confidence: float = 0.95


class Calibration(Model):
    """A threshold on the raw image score (fail where score >= threshold) and what to expect of it."""

    rule: ThresholdRule
    threshold: float
    good_parts: Annotated[int, Field(ge=0)]
    """Held-out good parts the rule saw. Never the training images."""
    damaged_parts: Annotated[int, Field(ge=0)]
    parameter: float | None = None
    """The rule's own number: k, the quantile, or the precision target."""
    false_alarm_rate: float | None = None
    """Expected share of good parts that will fail."""
    false_alarm_interval: Interval | None = None
    good_scores: Annotated[tuple[float, ...], Field(max_length=MOST_QUANTILES)] = ()
    """Raw scores of the held-out good parts, ascending; of more than MOST_QUANTILES parts as many evenly spaced
    quantiles. What live scores are compared with. Empty in older bundles."""
    warnings: tuple[str, ...] = ()


class DataSummary(Model):
    """What the model was made from and tested on."""

    name: str
    digest: str
    """sha256 over the sorted picture digests and labels: the same pictures give the same digest."""
    train_good: int
    calibration_good: int
    calibration_damaged: int
    test_good: int
    test_damaged: int


class SelfCheck(Model):
    """What the model scored where it was made, on a picture that every machine can make again.

    See `shared.models.self_check`.
    """

    seed: Annotated[int, Field(ge=0)]
    """Of the picture."""
    height: Annotated[int, Field(ge=1, le=4096)]
    """Of the picture, in pixels: those of the largest crop, so that its resizing is tried too."""
    width: Annotated[int, Field(ge=1, le=4096)]
    score: float
    """Raw."""
    device: str
    """torch's name of the kind of device it was made on, e.g. `cpu`."""


class ModelCard(Model):
    """The story of one model version."""

    calibration: Calibration
    metrics: dict[str, float]
    """On the locked test part: `auroc`, `f1`, `recall_at_precision_0.996`, ... Only what was measured."""
    data: DataSummary
    embedding: EmbeddingReference | None = None
    """What the features of the training crops look like on the whole, to tell drift; None in older bundles."""
    protocol: Literal["clean", "author"]
    code_version: str
    crop: CropRecipe | None = None
    """How the crops it learnt from were made: give the station the same. None for finished crops and older bundles."""
    self_check: SelfCheck | None = None
    """Held to whenever the bundle is loaded to judge; None in older bundles."""
    created: AwareDatetime = Field(default_factory=now)
    weights_are_random: bool = False
    """True when the backbone was asked for with random weights; such a model is never a quality result."""
    parent: str | None = None
