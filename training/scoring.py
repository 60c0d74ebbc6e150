"""Score held-out crops in batches, keeping scores only; maps are measured and thrown away."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Final

import numpy as np

from shared.models.base import AnomalyModel
from shared.models.embedding import EmbeddingReference
from training.data.crops import Crop
from training.data.sample import Sample
from training.metrics import Bools, Floats
from training.pixel_metrics import PixelMetrics

SCORE_BATCH: Final = 16


@dataclass(frozen=True, slots=True)
class Scored:
    """Samples with their raw scores.

    Attributes:
        samples: N of them.
        scores: (N,) float64.
        seconds: spent in the model, without cropping.
        distances: (N,) float64 from the training crops' embedding; empty where no reference was given.
    """

    samples: tuple[Sample, ...]
    scores: Floats
    seconds: float
    distances: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def damaged(self) -> Bools:
        """(N,) bool labels."""
        return np.array([sample.damaged for sample in self.samples], dtype=np.bool_)

    @property
    def good_scores(self) -> Floats:
        """Scores of the good parts."""
        return self.scores[~self.damaged]

    @property
    def damaged_scores(self) -> Floats:
        """Scores of the damaged parts."""
        return self.scores[self.damaged]

    @property
    def good_distances(self) -> Floats:
        """Distances of the good parts; empty where no reference was given."""
        return self.distances[~self.damaged] if len(self.distances) else self.distances


def score_crops(
    model: AnomalyModel,
    crops: Iterable[Crop],
    *,
    embedding: EmbeddingReference | None = None,
    pixels: PixelMetrics | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Scored:
    """Score crops in order.

    Args:
        model: fitted.
        crops: with masks where `pixels` is given.
        embedding: also tells how far each crop is from the training crops.
        pixels: collects the maps of the crops whose mask is known; None scores without maps, which is cheaper.
        advance: called with the number of crops done so far.
    """
    samples: list[Sample] = []
    scores: list[float] = []
    distances: list[float] = []
    seconds = 0.0
    for batch in _batches(crops):
        start = perf_counter()
        wanted = [pixels is not None and crop.mask is not None for crop in batch]
        features = model.extractor([crop.pixels for crop in batch])
        scored = model.score_features(features, maps=wanted)
        seconds += perf_counter() - start
        if pixels is not None and scored.maps is not None:
            for crop, anomaly_map in zip(batch, scored.maps, strict=True):
                if anomaly_map is not None and crop.mask is not None:
                    pixels.add(anomaly_map, crop.mask)
        samples += [crop.sample for crop in batch]
        scores += scored.image.tolist()
        if embedding is not None:
            distances += embedding.distances(features).tolist()
        advance(len(samples))
    return Scored(tuple(samples), np.array(scores, dtype=np.float64), seconds, np.array(distances, dtype=np.float64))


def _batches(crops: Iterable[Crop]) -> Iterator[list[Crop]]:
    rest = iter(crops)
    while batch := list(islice(rest, SCORE_BATCH)):
        yield batch
