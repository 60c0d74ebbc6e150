"""Score one batch of crops that belong to different models with as few forward passes as possible."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.models.base import AnomalyModel, FeatureExtractor, Image


@dataclass(frozen=True, slots=True)
class Job:
    """One crop for one model. The same image for two models (champion and shadow) is two jobs.

    Attributes:
        model: fitted.
        image: (H, W, 3) uint8 RGB.
        wants_map: whether to make an anomaly map.
    """

    model: AnomalyModel
    image: Image
    wants_map: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """A raw image score, and a (H, W) float32 anomaly map where it was asked for."""

    image: float
    map: NDArray[np.float32] | None


def score_mixed(jobs: Sequence[Job]) -> list[Score]:
    """One forward pass per extractor, one `score_features` per model; results in the order of the jobs.

    Jobs that share an extractor and the very same image object (champion and shadow of one part) share its features.
    """
    results: list[Score | None] = [None] * len(jobs)
    for extractor, places in _by_extractor(jobs):
        rows: dict[int, int] = {}
        pictures: list[Image] = []
        for place in places:
            if id(jobs[place].image) not in rows:
                rows[id(jobs[place].image)] = len(pictures)
                pictures.append(jobs[place].image)
        features = extractor(pictures)
        for model, own in _by_model(jobs, places):
            scores = model.score_features(
                features.rows([rows[id(jobs[place].image)] for place in own]),
                maps=[jobs[place].wants_map for place in own],
            )
            maps = scores.maps or [None] * len(own)
            for place, value, anomaly_map in zip(own, scores.image, maps, strict=True):
                results[place] = Score(float(value), anomaly_map)
    return [result for result in results if result is not None]


def _by_extractor(jobs: Sequence[Job]) -> list[tuple[FeatureExtractor, list[int]]]:
    groups: dict[int, tuple[FeatureExtractor, list[int]]] = {}
    for place, job in enumerate(jobs):
        groups.setdefault(id(job.model.extractor), (job.model.extractor, []))[1].append(place)
    return list(groups.values())


def _by_model(jobs: Sequence[Job], places: Sequence[int]) -> list[tuple[AnomalyModel, list[int]]]:
    groups: dict[int, tuple[AnomalyModel, list[int]]] = {}
    for place in places:
        groups.setdefault(id(jobs[place].model), (jobs[place].model, []))[1].append(place)
    return list(groups.values())
