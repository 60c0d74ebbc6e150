"""What determines a model's scores besides its tensors: input, backbone, method options. Travels in the bundle."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from shared.events.base import Model


class InputSpec(Model):
    """How a crop becomes the network's input. Part of the model, so the crop worker never scales pixels."""

    height: Annotated[int, Field(ge=32, le=2048)] = 256
    width: Annotated[int, Field(ge=32, le=2048)] = 256
    fit: Literal["stretch", "pad"] = "pad"
    """`stretch` ignores the aspect ratio; `pad` keeps it and pads by edge replication, centred."""
    scaling: Literal["weights", "unit", "gaussian"] = "weights"
    """`weights`: the mean and std the backbone's weights were trained with; `unit`: [0, 1] as the study's authors ran
    PaDiM and PatchCore; `gaussian`: per-image standard Gaussian, as the study's paper describes."""


class WeightsSpec(Model):
    """Where the backbone's weights came from, and which they were."""

    source: str = "auto"
    """`auto` (package, folder, then hub), `package`, `hub`, `folder:<path>` or `random:<seed>`; random only by name."""
    sha256: str | None = None
    """Digest over the state dict's tensors; checked on load where it is set."""

    @property
    def are_random(self) -> bool:
        """Asked for by name only; a model on such weights is never a quality result."""
        return self.source.startswith("random:")


class ExtractorSpec(Model):
    """A backbone and its input; models with equal extractor specs share one forward pass."""

    backbone: str = "tf_efficientnet_lite0"
    """Any timm name that supports `features_only`."""
    stages: tuple[int, ...] = (2, 3)
    """Indices into timm's `features_only` outputs; for EfficientNet-Lite 2 is stride 8 and 3 is stride 16."""
    weights: WeightsSpec = WeightsSpec()
    input: InputSpec = InputSpec()
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the forward pass; features are float32 either way. Part of the model and not of the worker that runs it,
    since scores differ slightly between the two and a threshold belongs to one of them."""

    def with_digest(self, sha256: str) -> Self:
        """The same extractor, with its weights pinned."""
        return self.model_copy(update={"weights": self.weights.model_copy(update={"sha256": sha256})})


class ModelSpec(Model):
    """A method, its extractor and its options (validated by the method's own options model)."""

    kind: str
    extractor: ExtractorSpec = ExtractorSpec()
    options: dict[str, Any] = Field(default_factory=dict)
