"""How far a crop lies from those that a model learnt from, told by features that are there already.

A crop's embedding is the mean of its features over the positions that show the picture, all backbone stages side by
side. Each channel is compared with the training crops' mean in their standard deviations, and the root mean square
over the channels is the crop's distance: about 1 for a crop like them. Damage changes a few positions and hardly moves
a mean over all of them; light, focus and another camera move every position. So the distance follows the picture's
general look, which is what drifts, and costs one mean over features instead of a forward pass.

This is a Mahalanobis distance with the covariance's diagonal alone. The full one needs more training crops than
channels, and many lines have fewer.
"""

from typing import TYPE_CHECKING, Annotated, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from shared.events.base import Model
from shared.models.quantiles import MOST_QUANTILES, kept
from shared.models.spec import InputSpec

if TYPE_CHECKING:
    # A version's record holds a reference, so that every process that reads the registry comes by here: none but those
    # that score have any use for torch, which takes seconds to load and hundreds of megabytes.
    from shared.models.base import Features

MOST_CHANNELS: Final = 256
"""An embedding with more channels is averaged in groups of neighbours: enough to see drift, little to keep."""
LEAST_CROPS: Final = 2
"""Training crops below which nothing is known of how they differ."""
RELATIVE_FLOOR: Final = 0.05
"""Least standard deviation of a channel, as a share of the root mean square over all channels: one that hardly ever
moved in training (a dead one) must not outweigh all others when it moves."""
ABSOLUTE_FLOOR: Final = 1e-6
"""Least standard deviation where no channel moved at all, as with copies of one photo: distances stay finite."""

Positive = Annotated[float, Field(gt=0)]


class EmbeddingReference(Model):
    """The training crops' mean embedding, and how far held-out good crops lie from it."""

    input: InputSpec
    """Of the extractor: says which positions show the picture."""
    crops: Annotated[int, Field(ge=LEAST_CROPS)]
    """Training crops it was made from."""
    mean: Annotated[tuple[float, ...], Field(min_length=1, max_length=MOST_CHANNELS)]
    """By channel, or group of channels."""
    deviation: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=MOST_CHANNELS)]
    """Standard deviation by channel, floors applied."""
    good_distances: Annotated[tuple[float, ...], Field(max_length=MOST_QUANTILES)] = ()
    """Distances of the held-out good crops, ascending; of more than MOST_QUANTILES crops as many evenly spaced
    quantiles. What live distances are compared with."""

    @model_validator(mode="after")
    def _one_deviation_each(self) -> Self:
        if len(self.mean) != len(self.deviation):
            raise ValueError(f"{len(self.mean)} means and {len(self.deviation)} deviations")
        return self

    def distances(self, features: "Features") -> NDArray[np.float64]:
        """Distance of each of N crops, (N,) float64: root mean square over channels of (x - mean) / deviation.

        Raises:
            ValueError: the features have another number of channels.
        """
        embeddings = pooled(features, self.input)
        if embeddings.shape[1] != len(self.mean):
            raise ValueError(f"embeddings of {embeddings.shape[1]} channels do not fit a reference of {len(self.mean)}")
        standardised = (embeddings - np.array(self.mean)) / np.array(self.deviation)
        return np.asarray(np.sqrt(np.mean(np.square(standardised), axis=1)))

    def held_out(self, distances: ArrayLike) -> Self:
        """The same with the distances of held-out good crops, (N,) in any order."""
        return self.model_copy(update={"good_distances": kept(distances)})


class EmbeddingStream:
    """Mean and standard deviation of training crops' embeddings, batch by batch in constant memory.

    Args:
        spec: the extractor's input.
    """

    def __init__(self, spec: InputSpec) -> None:
        self._spec = spec
        self._count = 0
        self._mean: NDArray[np.float64] = np.zeros(0)
        self._squares: NDArray[np.float64] = np.zeros(0)

    def add(self, features: "Features") -> None:
        """Take a batch in (Chan, Golub & LeVeque 1983: merge the batch's moments with those so far)."""
        embeddings = pooled(features, self._spec)
        count, mean = len(embeddings), embeddings.mean(axis=0)
        squares = np.square(embeddings - mean).sum(axis=0)
        if not self._count:
            self._count, self._mean, self._squares = count, mean, squares
            return
        both, apart = self._count + count, mean - self._mean
        self._squares = self._squares + squares + np.square(apart) * (self._count * count / both)
        self._mean = self._mean + apart * (count / both)
        self._count = both

    def reference(self) -> EmbeddingReference | None:
        """What was learnt, without held-out distances; None of fewer than LEAST_CROPS crops."""
        if self._count < LEAST_CROPS:
            return None
        variance = self._squares / (self._count - 1)
        floor = max(RELATIVE_FLOOR * float(np.sqrt(variance.mean())), ABSOLUTE_FLOOR)
        deviation = np.maximum(np.sqrt(variance), floor)
        return EmbeddingReference(
            input=self._spec,
            crops=self._count,
            mean=tuple(self._mean.tolist()),
            deviation=tuple(deviation.tolist()),
        )


def pooled(features: "Features", spec: InputSpec) -> NDArray[np.float64]:
    """Embeddings of N crops: (N, C) float64, C at most MOST_CHANNELS.

    The mean is taken on the features' device; only N x C numbers leave it.
    """
    import torch

    from shared.models.letterbox import cells_inside

    stages = []
    for stage in features.maps:
        grid = (stage.shape[2], stage.shape[3])
        inside = torch.from_numpy(cells_inside(features.boxes, grid, spec)).to(stage.device, stage.dtype)
        total = torch.einsum("nchw,nhw->nc", stage, inside)
        stages.append(total / inside.sum(dim=(1, 2))[:, None])
    return _grouped(np.asarray(torch.cat(stages, dim=1).double().cpu().numpy()))


def _grouped(embeddings: NDArray[np.float64]) -> NDArray[np.float64]:
    channels = embeddings.shape[1]
    if channels <= MOST_CHANNELS:
        return embeddings
    starts = np.arange(0, channels, -(-channels // MOST_CHANNELS))
    sizes = np.diff(np.append(starts, channels))
    return np.asarray(np.add.reduceat(embeddings, starts, axis=1) / sizes)
