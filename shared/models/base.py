"""The shape every anomaly model has: fit on good parts, score crops, save and load as one bundle.

A model is split where the cost is: `extractor` (the backbone's forward pass, shared by every model that uses the same
weights and input) and `score_features` (cheap, the model's own). A score worker runs one forward pass for a batch that
mixes plants and hands each model its rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Final, Protocol, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from shared.events.base import Model
from shared.models.spec import ExtractorSpec, ModelSpec

Image: TypeAlias = NDArray[np.uint8]
"""One RGB picture, shape (H, W, 3), uint8."""
Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called as `progress(stage, done, total)`; `total` is None while unknown."""
FIT_BATCH: Final = 16
"""Pictures per forward pass while fitting: large enough to be efficient, small enough for any machine's memory."""


class NotFitted(RuntimeError):
    """A model was asked for scores or tensors before it was fitted or restored."""


@dataclass(frozen=True, slots=True)
class Features:
    """What an extractor makes of N crops.

    Attributes:
        maps: one (N, C_i, h_i, w_i) float32 tensor per backbone stage, finest first, on the extractor's device.
        sizes: (N, 2) crop heights and widths in pixels before fitting to the input.
        boxes: (N, 4) int64 top, left, height, width of the picture inside the (padded) input.
    """

    maps: tuple[torch.Tensor, ...]
    sizes: NDArray[np.int64]
    boxes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sizes)

    def rows(self, index: Sequence[int]) -> "Features":
        """The features of some of the crops."""
        rows = list(index)
        if rows == list(range(len(self))):
            return self
        return Features(tuple(m[rows] for m in self.maps), self.sizes[rows], self.boxes[rows])

    def only(self, places: Sequence[int]) -> "Features":
        """The features of some of the stages, by their place among these."""
        return Features(tuple(self.maps[place] for place in places), self.sizes, self.boxes)


class FeatureTrunk(Protocol):
    """Runs a forward pass for all extractors that differ in their stages only."""

    @property
    def device(self) -> torch.device:
        """Where the features lie."""
        ...

    def __call__(self, images: Sequence[Image], stages: Sequence[int]) -> Features:
        """One forward pass for N crops of any sizes, with the features of `stages` (ascending)."""
        ...


class FeatureExtractor(Protocol):
    """Crops in, stage features out, without gradients."""

    @property
    def trunk(self) -> FeatureTrunk:
        """What runs the forward pass: the same object in all extractors that can share one."""
        ...

    @property
    def spec(self) -> ExtractorSpec:
        """The backbone and its input, with the digest of the weights filled in."""
        ...

    @property
    def device(self) -> torch.device:
        """Where the features lie."""
        ...

    @property
    def dimensions(self) -> int:
        """Channels of all stages together: the width of an embedding."""
        ...

    def __call__(self, images: Sequence[Image]) -> Features:
        """Run one forward pass for N crops of any sizes."""
        ...


@dataclass(frozen=True, slots=True)
class Scores:
    """Raw, unclamped anomaly scores; higher is more anomalous.

    Attributes:
        image: (N,) float64.
        maps: None where no crop asked for one; else one per crop: None or a float32 (H, W) map at the crop's own
            size, padding removed. Same unit as `image`.
    """

    image: NDArray[np.float64]
    maps: list[NDArray[np.float32] | None] | None = None


class AnomalyModel(ABC):
    """One method in one small file.

    Attributes:
        kind: the method's name in specs, bundles and verdicts.
        Options: the method's options; `spec.options` always holds every one of them, defaults made explicit, so that
            a later change of a default cannot change the scores of an old bundle.
        spec: everything that determines the scores besides the fitted tensors.
        extractor: the shared backbone.
    """

    kind: ClassVar[str]
    Options: ClassVar[type[Model]]

    def __init__(self, spec: ModelSpec, extractor: FeatureExtractor) -> None:
        """An unfitted model.

        Raises:
            ValueError: `spec` is of another kind, or its options are unknown or out of range (pydantic's error).
        """
        if spec.kind != self.kind:
            raise ValueError(f"a spec of kind {spec.kind!r} does not make a {self.kind!r} model")
        self._options = self.Options.model_validate(spec.options)
        pinned = spec.extractor.with_digest(extractor.spec.weights.sha256 or "")
        self.spec = spec.model_copy(update={"extractor": pinned, "options": self._options.model_dump(mode="json")})
        self.extractor = extractor

    def fit(
        self,
        images: Iterable[Image],
        *,
        progress: Progress | None = None,
        seen: Callable[[Features], None] = lambda _: None,
    ) -> None:
        """Learn what good looks like from crops (H_i, W_i, 3) uint8 RGB. One pass over `images`, in batches.

        `seen` is given each batch's features before the model takes them in.
        """
        total = len(images) if isinstance(images, Sized) else None
        extracted = (self.extractor(batch) for batch in batches(images))
        self.fit_features(_told(extracted, seen), images=total, progress=progress)

    @abstractmethod
    def fit_features(
        self, batches: Iterable[Features], *, images: int | None = None, progress: Progress | None = None
    ) -> None:
        """`fit` from features that were already extracted. Holds one copy of the features at the most.

        Args:
            batches: the features of the good crops, consumed once.
            images: how many crops there are in all, where known.
            progress: told about each batch and each later stage.

        Raises:
            ValueError: too few crops for this method.
        """

    @abstractmethod
    def score_features(self, features: Features, *, maps: Sequence[bool] | bool = False) -> Scores:
        """Score N crops from their features; maps only where asked, since they cost more than the score.

        Raises:
            NotFitted: neither fitted nor restored.
        """

    @abstractmethod
    def tensors(self) -> dict[str, torch.Tensor]:
        """The fitted state, ready for safetensors: contiguous, on the CPU.

        Raises:
            NotFitted: neither fitted nor restored.
        """

    @classmethod
    @abstractmethod
    def restore(cls, spec: ModelSpec, tensors: dict[str, torch.Tensor], extractor: FeatureExtractor) -> Self:
        """The inverse of `tensors`: the restored model gives bit for bit the same scores.

        Raises:
            ValueError: tensors missing, unknown, of the wrong shape or dtype, or not made with this extractor.
        """

    def score(self, images: Sequence[Image], *, maps: Sequence[bool] | bool = False) -> Scores:
        """Score N crops, shape (H_i, W_i, 3) uint8 RGB each."""
        return self.score_features(self.extractor(images), maps=maps)


def batches(images: Iterable[Image], size: int = FIT_BATCH) -> Iterator[list[Image]]:
    """Consecutive lists of `size` pictures; the last may be shorter."""
    rest = iter(images)
    while batch := list(islice(rest, size)):
        yield batch


def _told(extracted: Iterable[Features], seen: Callable[[Features], None]) -> Iterator[Features]:
    for features in extracted:
        seen(features)
        yield features
