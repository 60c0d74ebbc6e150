"""PaDiM (Defard et al., ICPR 2021): one Gaussian of good embeddings per position; a patch's distance is Mahalanobis'.

The distance sqrt((x - mu)' S^-1 (x - mu)) is the length of W (x - mu) with W the inverse of S's Cholesky factor: one
batched matrix product per batch. W is triangular; the bundle stores its lower half, row by row (P x C(C+1)/2 float32:
48 MB at 32 x 32 positions and 152 channels, 20 MB with 100 channels, 6.5 MB at stride 16 alone).
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, Final, Literal, Self

import numpy as np
import torch
from pydantic import Field

from shared.events.base import Model
from shared.models.anomaly_map import anomaly_maps
from shared.models.base import AnomalyModel, FeatureExtractor, Features, NotFitted, Progress, Scores
from shared.models.gaussian_stream import GaussianStream
from shared.models.image_score import maximum, top_fraction_mean
from shared.models.letterbox import cells_inside
from shared.models.patch_embedding import Upsampling, patch_embedding
from shared.models.spec import ModelSpec

BLOCK: Final = 128
"""Positions factorised at once; bounds the float64 copies."""
SHAPES: Final = {"mean": 2, "whitening": 2, "grid": 1, "channels": 1}
"""Names of the tensors and their dimensions."""


class PadimOptions(Model):
    """What PaDiM can be asked to do."""

    channels: Annotated[int, Field(ge=1)] | None = None
    """A random subset of so many embedding channels (the study's "embedding size"); None: all."""
    average_pool: bool = True
    """Average 3 x 3 neighbourhoods first; the study's authors do not."""
    upsampling: Upsampling = "bilinear"
    """Of the coarser stages; the authors replicate (`nearest`)."""
    scoring: Literal["top", "max"] = "top"
    """`top`: mean of the most distant positions; `max`: the most distant one, as the authors do."""
    top_fraction: Annotated[float, Field(gt=0, le=1)] = 0.003
    regularisation: Annotated[float, Field(gt=0)] = 0.01
    """Added to the diagonal of each covariance, so that fewer pictures than channels will do."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the random subset."""


class Padim(AnomalyModel):
    """See the module."""

    kind: ClassVar[str] = "padim"
    Options: ClassVar[type[Model]] = PadimOptions
    _options: PadimOptions

    def __init__(self, spec: ModelSpec, extractor: FeatureExtractor) -> None:
        super().__init__(spec, extractor)
        self._grid = (0, 0)
        self._channels = torch.empty(0, dtype=torch.int64)
        self._mean = torch.empty(0)
        self._whitening = torch.empty(0)

    def fit_features(
        self, batches: Iterable[Features], *, images: int | None = None, progress: Progress | None = None
    ) -> None:
        """One pass in constant memory."""
        stream = GaussianStream()
        for features in batches:
            embedding = self._embed(features)
            if not stream.count:
                self._grid = (embedding.shape[2], embedding.shape[3])
                self._channels = self._choose(embedding.shape[1]).to(embedding.device)
            stream.add(self._positions(embedding))
            if progress is not None:
                progress("features", stream.count, images)
        if not stream.count:
            raise ValueError("PaDiM needs at least two good pictures")
        self._mean = stream.mean().float()
        self._whitening = self._factorise(stream, progress)

    def score_features(self, features: Features, *, maps: Sequence[bool] | bool = False) -> Scores:
        """Mahalanobis distance at every position, then one score per crop."""
        self._require_fitted()
        embedding = self._embed(features)
        if tuple(embedding.shape[1:]) != (self.extractor.dimensions, *self._grid):
            raise ValueError(f"features {tuple(embedding.shape)} do not fit a PaDiM of grid {self._grid}")
        centred = (self._positions(embedding) - self._mean).permute(1, 2, 0)
        distances = torch.bmm(self._whitening, centred).square_().sum(dim=1, dtype=torch.float64).sqrt_()
        patches = np.asarray(distances.T.cpu().numpy(), dtype=np.float64)
        inside = cells_inside(features.boxes, self._grid, self.spec.extractor.input).reshape(len(features), -1)
        image = (
            top_fraction_mean(patches, self._options.top_fraction, inside)
            if self._options.scoring == "top"
            else maximum(patches, inside)
        )
        grids = patches.reshape(len(features), *self._grid).astype(np.float32)
        return Scores(image, anomaly_maps(grids, features.boxes, features.sizes, self.spec.extractor.input, maps))

    def tensors(self) -> dict[str, torch.Tensor]:
        """`mean` (P, C) and `whitening` (P, C(C+1)/2) float32, `grid` (2,) and `channels` (C,) int64."""
        self._require_fitted()
        rows, columns = torch.tril_indices(len(self._channels), len(self._channels), device=self._whitening.device)
        return {
            "mean": self._mean.cpu().contiguous(),
            "whitening": self._whitening[:, rows, columns].cpu().contiguous(),
            "grid": torch.tensor(self._grid, dtype=torch.int64),
            "channels": self._channels.cpu().contiguous(),
        }

    @classmethod
    def restore(cls, spec: ModelSpec, tensors: dict[str, torch.Tensor], extractor: FeatureExtractor) -> Self:
        """See `AnomalyModel.restore`."""
        if tensors.keys() != SHAPES.keys():
            raise ValueError(f"PaDiM has the tensors {sorted(SHAPES)}, not {sorted(tensors)}")
        for name, dimensions in SHAPES.items():
            if tensors[name].ndim != dimensions:
                raise ValueError(f"{name} has shape {tuple(tensors[name].shape)}, expected {dimensions} dimensions")
        grid, channels = tensors["grid"].tolist(), tensors["channels"]
        if len(grid) != 2 or not all(isinstance(side, int) and side > 0 for side in grid):
            raise ValueError(f"grid is {grid}, not a height and a width")
        height, width = grid
        count = len(channels)
        if channels.dtype != torch.int64 or not count or channels.min() < 0 or channels.max() >= extractor.dimensions:
            raise ValueError(f"channels are int64 indices below {extractor.dimensions}, at least one of them")
        expected = {"mean": (height * width, count), "whitening": (height * width, count * (count + 1) // 2)}
        for name, shape in expected.items():
            if tuple(tensors[name].shape) != shape or tensors[name].dtype != torch.float32:
                raise ValueError(f"{name} is {tuple(tensors[name].shape)} {tensors[name].dtype}, not {shape} float32")
        model = cls(spec, extractor)
        model._grid = (height, width)
        model._channels = tensors["channels"].to(extractor.device)
        model._mean = tensors["mean"].to(extractor.device)
        rows, columns = torch.tril_indices(count, count, device=extractor.device)
        whitening = torch.zeros((height * width, count, count), device=extractor.device)
        whitening[:, rows, columns] = tensors["whitening"].to(extractor.device)
        model._whitening = whitening
        return model

    def _embed(self, features: Features) -> torch.Tensor:
        return patch_embedding(
            features.maps, average_pool=self._options.average_pool, upsampling=self._options.upsampling
        )

    def _positions(self, embedding: torch.Tensor) -> torch.Tensor:
        """(N, C_all, h, w) to (N, P, C) of the chosen channels."""
        flat = embedding.flatten(start_dim=2).transpose(1, 2)
        return flat if len(self._channels) == flat.shape[2] else flat[:, :, self._channels]

    def _choose(self, available: int) -> torch.Tensor:
        wanted = self._options.channels
        if wanted is None:
            return torch.arange(available)
        if wanted > available:
            raise ValueError(f"{wanted} channels asked, but the stages have {available}")
        chosen = np.random.default_rng(self._options.seed).choice(available, size=wanted, replace=False)
        return torch.from_numpy(np.sort(chosen))

    def _factorise(self, stream: GaussianStream, progress: Progress | None) -> torch.Tensor:
        positions, channels = self._mean.shape
        whitening = torch.empty((positions, channels, channels), device=self._mean.device)
        identity = torch.eye(channels, dtype=torch.float64, device=self._mean.device)
        for start in range(0, positions, BLOCK):
            block = slice(start, min(positions, start + BLOCK))
            covariance = stream.covariance(block) + self._options.regularisation * identity
            factor = torch.linalg.cholesky(covariance)
            inverse = torch.linalg.solve_triangular(factor, identity.expand_as(factor), upper=False)
            whitening[block] = inverse.float()
            if progress is not None:
                progress("factorise", block.stop, positions)
        return whitening

    def _require_fitted(self) -> None:
        if not self._whitening.numel():
            raise NotFitted("this PaDiM has no Gaussians yet: fit it, or read a bundle")
