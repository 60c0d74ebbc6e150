"""The shape every anomaly model has: fit on good parts, score crops, save and load as one bundle.

A model is split where the cost is: `extractor` (the backbone's forward pass, shared by every model that uses the same
weights and input) and `score_features` (cheap, the model's own). A score worker runs one forward pass for a batch that
mixes plants and hands each model its rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from shared.models.spec import ExtractorSpec, ModelSpec

Image: TypeAlias = NDArray[np.uint8]
"""One RGB picture, shape (H, W, 3), uint8."""
Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called as `progress(stage, done, total)`; `total` is None while unknown."""


@dataclass(frozen=True, slots=True)
class Features:
    """What an extractor makes of N crops.

    Attributes:
        maps: one (N, C_i, h_i, w_i) float32 tensor per backbone stage, finest first.
        sizes: (N, 2) crop heights and widths in pixels before fitting to the input.
        boxes: (N, 4) int64 top, left, height, width of the picture inside the (padded) input.
    """

    maps: tuple[torch.Tensor, ...]
    sizes: NDArray[np.int64]
    boxes: NDArray[np.int64]

    def rows(self, index: Sequence[int]) -> "Features":
        """The features of some of the crops."""
        rows = list(index)
        return Features(tuple(m[rows] for m in self.maps), self.sizes[rows], self.boxes[rows])


class FeatureExtractor(Protocol):
    """Crops in, stage features out, without gradients."""

    spec: ExtractorSpec

    def __call__(self, images: Sequence[Image]) -> Features:
        """Run one forward pass for N crops of any sizes."""
        ...


@dataclass(frozen=True, slots=True)
class Scores:
    """Raw, unclamped anomaly scores; higher is more anomalous.

    Attributes:
        image: (N,) float64.
        maps: None, or one float32 (H, W) map per crop at the crop's own size, padding removed. Same unit as `image`.
    """

    image: NDArray[np.float64]
    maps: list[NDArray[np.float32]] | None = None


class AnomalyModel(ABC):
    """One method in one small file.

    Attributes:
        kind: the method's name in specs, bundles and verdicts.
        spec: everything that determines the scores besides the fitted tensors.
        extractor: the shared backbone.
    """

    kind: ClassVar[str]
    spec: ModelSpec
    extractor: FeatureExtractor

    @abstractmethod
    def fit(self, images: Iterable[Image], *, progress: Progress | None = None) -> None:
        """Learn what good looks like. One pass over `images`; holds one copy of the features at the most."""

    @abstractmethod
    def score_features(self, features: Features, *, maps: Sequence[bool] | bool = False) -> Scores:
        """Score N crops from their features; maps only where asked, since they cost more than the score."""

    @abstractmethod
    def tensors(self) -> dict[str, torch.Tensor]:
        """The fitted state, ready for safetensors."""

    @classmethod
    @abstractmethod
    def restore(cls, spec: ModelSpec, tensors: dict[str, torch.Tensor], extractor: FeatureExtractor) -> Self:
        """The inverse of `tensors`."""

    def score(self, images: Sequence[Image], *, maps: bool = False) -> Scores:
        """Score N crops, shape (H_i, W_i, 3) uint8 RGB each."""
        return self.score_features(self.extractor(images), maps=maps)
