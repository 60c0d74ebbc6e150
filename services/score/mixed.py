"""Scoring a batch that mixes plants and models: one forward pass per backbone, each model its own rows."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.events import Arm
from shared.models.base import FeatureExtractor, Features, Image
from shared.models.bundle import LoadedModel

ScoreMap: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Look:
    """One model's look at one picture of the batch."""

    row: int
    arm: Arm
    version: str
    model: LoadedModel


@dataclass(slots=True)
class Seen:
    """What a look found: the raw image score, and a (H, W) float32 map where one was wanted."""

    score: float
    map: ScoreMap | None = None


def score_mixed(
    images: Sequence[Image],
    looks: Sequence[Look],
    *,
    want_map: Callable[[Look, float], bool],
) -> list[Seen]:
    """Answer every look, in order.

    `want_map(look, score)` is asked once the score is known, since a map costs more than the score.
    """
    seen: list[Seen | None] = [None] * len(looks)
    for extractor, indices in _by_extractor(looks):
        rows = sorted({looks[i].row for i in indices})
        features = extractor([images[row] for row in rows])
        position = {row: at for at, row in enumerate(rows)}
        for same_model in _by_model(looks, indices):
            model = looks[same_model[0]].model.model
            mine = features.rows([position[looks[i].row] for i in same_model])
            scores = model.score_features(mine).image
            for at, i in enumerate(same_model):
                seen[i] = Seen(float(scores[at]))
            wanted = [at for at, i in enumerate(same_model) if want_map(looks[i], float(scores[at]))]
            for at, score_map in zip(wanted, _maps(looks[same_model[0]].model, mine, wanted), strict=True):
                seen[same_model[at]] = Seen(float(scores[at]), score_map)
    return [answer for answer in seen if answer is not None]


def _maps(model: LoadedModel, features: Features, wanted: list[int]) -> list[ScoreMap]:
    if not wanted:
        return []
    maps = model.model.score_features(features.rows(wanted), maps=True).maps or []
    if len(maps) != len(wanted) or any(score_map is None for score_map in maps):
        raise TypeError(f"{model.model.kind} was asked for {len(wanted)} maps and did not make them")
    return [score_map for score_map in maps if score_map is not None]


def _by_extractor(looks: Sequence[Look]) -> list[tuple[FeatureExtractor, list[int]]]:
    """Indices of the looks by shared extractor; the pool hands out one object for equal backbones and inputs."""
    groups: dict[int, tuple[FeatureExtractor, list[int]]] = {}
    for i, look in enumerate(looks):
        extractor = look.model.model.extractor
        groups.setdefault(id(extractor), (extractor, []))[1].append(i)
    return list(groups.values())


def _by_model(looks: Sequence[Look], indices: list[int]) -> list[list[int]]:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for i in indices:
        groups[looks[i].model.digest].append(i)
    return list(groups.values())
