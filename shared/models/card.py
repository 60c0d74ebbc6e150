"""What travels with a model version besides its tensors: where its threshold came from and how well it did.

The card is JSON inside the bundle, so a threshold can never be separated from the scores it was made for.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from shared.crop_recipe import CropRecipe
from shared.events.base import Model, now
from shared.events.feedback import Finding
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
CalibrationRule = ThresholdRule | Literal["feedback"]
"""Also `feedback`: of the thresholds whose precision among parts that people looked at has a lower confidence bound at
a target, the lowest. Not for training, since such parts have verdicts of that very model."""


class Interval(Model):
    """A two-sided confidence interval."""

    low: float
    high: float
    confidence: float = 0.95


class FieldEvidence(Model):
    """What people found about parts that a model judged: where a threshold by rule `feedback` comes from."""

    place: str
    """The key of the places that the parts are from."""
    since: AwareDatetime | None
    """Findings of this time and later; None for all."""
    latest: AwareDatetime | None
    """When the latest of them was given."""
    findings: dict[Finding, int]
    """How many of each kind."""
    former_threshold: float
    """Of the version that judged them."""
    caught: Annotated[int, Field(ge=0)]
    """Damaged ones that reach the new threshold."""
    stopped: Annotated[int, Field(ge=0)]
    """Good ones that do."""
    lost: Annotated[int, Field(ge=0)]
    """Damaged ones that reached the former threshold and do not reach the new one."""
    bound: float
    """One-sided lower confidence bound (Clopper-Pearson) of precision; the plain share where `confidence` is 0."""
    confidence: float


class Calibration(Model):
    """A threshold on the raw image score (fail where score >= threshold) and what to expect of it."""

    rule: CalibrationRule
    threshold: float
    good_parts: Annotated[int, Field(ge=0)]
    """Good parts the rule saw: held-out ones or, for `feedback`, ones that people looked at. Never those trained on."""
    damaged_parts: Annotated[int, Field(ge=0)]
    parameter: float | None = None
    """The rule's own number: k, the quantile, or the precision target."""
    false_alarm_rate: float | None = None
    """Expected share of good parts that will fail."""
    false_alarm_interval: Interval | None = None
    good_scores: Annotated[tuple[float, ...], Field(max_length=MOST_QUANTILES)] = ()
    """Raw scores of the held-out good parts, ascending; of more than MOST_QUANTILES parts as many evenly spaced
    quantiles. What live scores are compared with. Empty in older bundles."""
    field: FieldEvidence | None = None
    """For rule `feedback` only."""
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
