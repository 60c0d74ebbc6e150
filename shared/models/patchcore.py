"""PatchCore (Roth et al., CVPR 2022): a coreset of good patches; a patch is as anomalous as it is far from them."""

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, Final, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from shared.events.base import Model
from shared.models.anomaly_map import anomaly_maps
from shared.models.base import AnomalyModel, FeatureExtractor, Features, NotFitted, Progress, Scores
from shared.models.coreset import author_projection, k_center_greedy
from shared.models.image_score import (
    PAPER_NEIGHBOURHOOD,
    author_score,
    maximum,
    paper_score,
    top_fraction_mean,
    worst_patch,
)
from shared.models.letterbox import cells_inside
from shared.models.neighbours import Neighbours
from shared.models.patch_embedding import Upsampling, patch_embedding
from shared.models.patch_store import PatchStore
from shared.models.spec import ModelSpec

BANK: Final = "bank"


class PatchCoreOptions(Model):
    """What PatchCore can be asked to do; the defaults are Linegate's, see `selection` and `scoring` for the study's."""

    coreset_ratio: Annotated[float, Field(gt=0, le=1)] = 0.01
    """Share of the patches kept. The study ran 0.25 and found 0.01 both better and ten times faster."""
    selection: Literal["exact", "author"] = "exact"
    """`exact`: greedy k-center on the embeddings, starting farthest from the mean; `author`: starting at index 0, and
    on a sparse random projection (eps 0.9) of them."""
    scoring: Literal["top", "max", "author", "paper"] = "top"
    """`top`: mean of the most distant patches; `max`: the most distant; `author`: see `image_score.author_score`;
    `paper`: equation 7."""
    top_fraction: Annotated[float, Field(gt=0, le=1)] = 0.003
    k: Annotated[int, Field(ge=1, le=50)] = 1
    """Neighbours per patch; its distance is to the nearest, the others only weigh in `author` scoring (3 there)."""
    average_pool: bool = True
    upsampling: Upsampling = "bilinear"
    max_patches: Annotated[int, Field(ge=1)] = 4_000_000
    """Beyond so many good patches the coreset is chosen from a uniform sample of them; bounds memory (2.4 GB at 152
    channels)."""
    seed: Annotated[int, Field(ge=0)] = 0


class PatchCore(AnomalyModel):
    """See the module."""

    kind: ClassVar[str] = "patchcore"
    Options: ClassVar[type[Model]] = PatchCoreOptions
    _options: PatchCoreOptions

    def __init__(self, spec: ModelSpec, extractor: FeatureExtractor) -> None:
        super().__init__(spec, extractor)
        if self._options.scoring == "author" and self._options.k < 2:
            raise ValueError("scoring 'author' needs k >= 2 (the study ran k = 3): its weight is zero for k = 1")
        self._neighbours: Neighbours | None = None
        self._bank: torch.Tensor | None = None

    def fit_features(
        self, batches: Iterable[Features], *, images: int | None = None, progress: Progress | None = None
    ) -> None:
        """Collect the good patches (one copy), keep a coreset of them. Patches of pure padding are left out."""
        store = PatchStore(self._options.max_patches, self._options.seed)
        done = 0
        for features in batches:
            embedding = self._embed(features)
            inside = self._inside(features, embedding)
            patches = embedding.permute(0, 2, 3, 1)[torch.from_numpy(inside).to(embedding.device)]
            if images is not None and not done:
                store.reserve(len(patches) * -(-images // len(features)), patches.shape[1])
            store.add(patches.cpu().numpy())
            done += len(features)
            if progress is not None:
                progress("features", done, images)
        if not done:
            raise ValueError("PatchCore needs at least one good picture")
        # Selection is an order of magnitude faster on a GPU, where the features fit.
        points = torch.from_numpy(store.take()).to(self.extractor.device)
        self._use(points[self._select(points, progress)].cpu())

    def score_features(self, features: Features, *, maps: Sequence[bool] | bool = False) -> Scores:
        """Distances of all patches to the bank, then one score per crop."""
        neighbours = self._fitted()
        embedding = self._embed(features)
        count, _, height, width = embedding.shape
        queries = embedding.permute(0, 2, 3, 1).reshape(count * height * width, -1)
        distances, items = neighbours.search(queries, min(self._options.k, len(neighbours)))
        inside = self._inside(features, embedding).reshape(count, -1)
        nearest = distances.reshape(count, height * width, -1)
        image = self._image_scores(nearest, inside, queries, items)
        grids = nearest[:, :, 0].reshape(count, height, width).astype(np.float32)
        return Scores(image, anomaly_maps(grids, features.boxes, features.sizes, self.spec.extractor.input, maps))

    def tensors(self) -> dict[str, torch.Tensor]:
        """`bank`: (M, D) float32."""
        self._fitted()
        assert self._bank is not None  # noqa: S101  set together with the index
        return {BANK: self._bank}

    @classmethod
    def restore(cls, spec: ModelSpec, tensors: dict[str, torch.Tensor], extractor: FeatureExtractor) -> Self:
        """See `AnomalyModel.restore`."""
        if tensors.keys() != {BANK}:
            raise ValueError(f"PatchCore has one tensor, {BANK!r}, not {sorted(tensors)}")
        bank = tensors[BANK]
        if bank.ndim != 2 or bank.dtype != torch.float32 or not bank.numel():
            raise ValueError(f"the bank is (M, D) float32, not {tuple(bank.shape)} {bank.dtype}")
        if bank.shape[1] != extractor.dimensions:
            raise ValueError(f"the bank has {bank.shape[1]} dimensions, the extractor's stages {extractor.dimensions}")
        model = cls(spec, extractor)
        model._use(bank)
        return model

    def _embed(self, features: Features) -> torch.Tensor:
        return patch_embedding(
            features.maps, average_pool=self._options.average_pool, upsampling=self._options.upsampling
        )

    def _inside(self, features: Features, embedding: torch.Tensor) -> NDArray[np.bool_]:
        height, width = embedding.shape[-2:]
        return cells_inside(features.boxes, (height, width), self.spec.extractor.input)

    def _select(self, points: torch.Tensor, progress: Progress | None) -> torch.Tensor:
        count = max(1, round(len(points) * self._options.coreset_ratio))
        author = self._options.selection == "author"

        def report(picked: int) -> None:
            if progress is not None:
                progress("coreset", picked, count)

        space = author_projection(points, self._options.seed) if author else points
        picks = k_center_greedy(space, count, first="zero" if author else "far", report=report)
        return torch.from_numpy(picks).to(points.device)

    def _use(self, bank: torch.Tensor) -> None:
        self._bank = bank.contiguous()
        self._neighbours = Neighbours(self._bank, self.extractor.device)

    def _fitted(self) -> Neighbours:
        if self._neighbours is None:
            raise NotFitted("this PatchCore has no memory bank yet: fit it, or read a bundle")
        return self._neighbours

    def _image_scores(
        self,
        nearest: NDArray[np.float64],
        inside: NDArray[np.bool_],
        queries: torch.Tensor,
        items: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        match self._options.scoring:
            case "top":
                return top_fraction_mean(nearest[:, :, 0], self._options.top_fraction, inside)
            case "max":
                return maximum(nearest[:, :, 0], inside)
            case "author":
                return author_score(nearest, inside)
            case "paper":
                neighbours = self._fitted()
                patches = nearest.shape[1]
                worst = worst_patch(nearest[:, :, 0], inside)
                rows = np.arange(len(nearest)) * patches + worst
                around = neighbours.around(items[rows, 0], PAPER_NEIGHBOURHOOD)
                neighbourhood = neighbours.distances(queries[torch.from_numpy(rows)], torch.from_numpy(around))
                return paper_score(nearest[np.arange(len(nearest)), worst, 0], neighbourhood)
