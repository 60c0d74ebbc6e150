"""Scoring a batch that mixes plants and models: one forward pass per backbone, each model its own rows."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from shared.events import Arm, Fallback
from shared.models.base import Features, FeatureTrunk, Image
from shared.models.bundle import LoadedModel
from shared.models.memory import MemoryRoom

ScoreMap: TypeAlias = NDArray[np.float32]
ByRow: TypeAlias = dict[int, list[int]]


@dataclass(frozen=True, slots=True)
class Look:
    """One model's look at one picture of the batch."""

    row: int
    arm: Arm
    version: str
    model: LoadedModel
    fallback: Fallback | None = None
    """Why this is not the assigned version."""


@dataclass(slots=True)
class Seen:
    """What a look found.

    Attributes:
        score: the raw image score.
        seconds: the model's own share of the time: of the forward pass what one crop took, whoever else looked at it,
            and of its scoring likewise. Without maps, so that one that gates can be compared with one that looks on.
        embedding: how far the crop is from the training crops; None where the model cannot tell.
        map: (H, W) float32, where one was wanted.
    """

    score: float
    seconds: float = 0.0
    embedding: float | None = None
    map: ScoreMap | None = None


def score_mixed(
    images: Sequence[Image],
    looks: Sequence[Look],
    *,
    want_map: Callable[[Look, float], bool],
    room: MemoryRoom | None = None,
) -> list[Seen]:
    """Answer every look, in order.

    `want_map(look, score)` is asked once the score is known, since a map costs more than the score. Where a batch does
    not fit in memory, `room` sees to it that it is scored in parts; a score is the same in each, within rounding.

    Raises:
        Exception: a single picture did not fit in memory, or a model is broken.
    """
    room = room or MemoryRoom()
    batch = _Batch(images, looks, want_map)
    seen: dict[int, Seen] = {}
    for trunk, by_row in _by_trunk(looks):
        for answers in room.map(sorted(by_row), partial(batch.score, trunk, by_row)):
            seen |= answers
    return [seen[i] for i in range(len(looks))]


@dataclass(frozen=True, slots=True)
class _Batch:
    images: Sequence[Image]
    looks: Sequence[Look]
    want_map: Callable[[Look, float], bool]

    def score(self, trunk: FeatureTrunk, by_row: ByRow, rows: Sequence[int]) -> list[dict[int, Seen]]:
        """For each of `rows` the answers to the looks at it, by index of the look."""
        indices = [i for row in rows for i in by_row[row]]
        stages = sorted({stage for i in indices for stage in _stages(self.looks[i])})
        started = time.perf_counter()
        features = trunk([self.images[row] for row in rows], stages)
        if trunk.device.type == "cuda":
            torch.cuda.synchronize(trunk.device)  # else the pass is counted as the first model's scoring, which waits
        passing = (time.perf_counter() - started) / len(rows)
        position = {row: at for at, row in enumerate(rows)}
        seen: list[dict[int, Seen]] = [{} for _ in rows]
        for same_model in _by_model(self.looks, indices):
            model = self.looks[same_model[0]].model
            places = [position[self.looks[i].row] for i in same_model]
            mine = features.only([stages.index(s) for s in _stages(self.looks[same_model[0]])]).rows(places)
            started = time.perf_counter()
            scores = model.model.score_features(mine).image
            seconds = passing + (time.perf_counter() - started) / len(same_model)
            reference = model.card.embedding
            distances = None if reference is None else reference.distances(mine)
            wanted = [at for at, i in enumerate(same_model) if self.want_map(self.looks[i], float(scores[at]))]
            maps = dict(zip(wanted, _maps(model, mine, wanted), strict=True))
            for at, (i, place) in enumerate(zip(same_model, places, strict=True)):
                distance = None if distances is None else float(distances[at])
                seen[place][i] = Seen(float(scores[at]), seconds, distance, maps.get(at))
        return seen


def _stages(look: Look) -> tuple[int, ...]:
    return look.model.model.extractor.spec.stages


def _maps(model: LoadedModel, features: Features, wanted: list[int]) -> list[ScoreMap]:
    if not wanted:
        return []
    maps = model.model.score_features(features.rows(wanted), maps=True).maps or []
    if len(maps) != len(wanted) or any(score_map is None for score_map in maps):
        raise TypeError(f"{model.model.kind} was asked for {len(wanted)} maps and did not make them")
    return [score_map for score_map in maps if score_map is not None]


def _by_trunk(looks: Sequence[Look]) -> list[tuple[FeatureTrunk, ByRow]]:
    """Indices of the looks at each row, by shared trunk; the pool hands out one object for equal weights and input."""
    groups: dict[int, tuple[FeatureTrunk, ByRow]] = {}
    for i, look in enumerate(looks):
        trunk = look.model.model.extractor.trunk
        groups.setdefault(id(trunk), (trunk, {}))[1].setdefault(look.row, []).append(i)
    return list(groups.values())


def _by_model(looks: Sequence[Look], indices: Sequence[int]) -> list[list[int]]:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for i in indices:
        groups[looks[i].model.digest].append(i)
    return list(groups.values())
