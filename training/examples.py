"""The pictures a person should look at: what was decided wrongly, and what was nearest to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.models.base import AnomalyModel, Image
from training.data.crops import Crops
from training.scoring import Scored

SHOWN: Final = 12
"""Wrong decisions shown per label at the most; a report with hundreds is not read."""
NEAREST: Final = 6
"""Right decisions shown per label, those nearest to the threshold."""


@dataclass(frozen=True, slots=True)
class Example:
    """One crop with what the model saw in it.

    Attributes:
        name: of its sample.
        defect: kind of damage, may be empty.
        damaged: its label.
        score: raw.
        pixels: (H, W, 3) uint8 RGB.
        anomaly_map: (H, W) float32, in the score's unit.
        mask: (H, W) bool of the drawn damage; None where it is not known.
    """

    name: str
    defect: str
    damaged: bool
    score: float
    pixels: Image
    anomaly_map: NDArray[np.float32]
    mask: NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Examples:
    """Groups of pictures.

    Attributes:
        missed: damaged parts that pass, lowest score first.
        stopped: good parts that fail, highest score first.
        near_good: good parts that pass, highest score first.
        near_damaged: damaged parts that fail, lowest score first.
        missed_in_all: how many there are, shown or not.
        stopped_in_all: likewise.
    """

    missed: tuple[Example, ...]
    stopped: tuple[Example, ...]
    near_good: tuple[Example, ...]
    near_damaged: tuple[Example, ...]
    missed_in_all: int
    stopped_in_all: int


def choose_examples(scored: Scored, threshold: float, model: AnomalyModel, crops: Crops) -> Examples:
    """Pick by score and make the maps of those picked."""
    order = np.argsort(scored.scores, kind="stable")
    ascending = [int(i) for i in order if scored.damaged[i]]
    descending = [int(i) for i in order[::-1] if not scored.damaged[i]]
    missed = [i for i in ascending if scored.scores[i] < threshold]
    stopped = [i for i in descending if scored.scores[i] >= threshold]
    near_good, near_damaged = descending[len(stopped) :], ascending[len(missed) :]
    groups = [missed[:SHOWN], stopped[:SHOWN], near_good[:NEAREST], near_damaged[:NEAREST]]
    made = _make(sorted({i for group in groups for i in group}), scored, model, crops)
    shown = [tuple(made[i] for i in group) for group in groups]
    return Examples(
        missed=shown[0],
        stopped=shown[1],
        near_good=shown[2],
        near_damaged=shown[3],
        missed_in_all=len(missed),
        stopped_in_all=len(stopped),
    )


def _make(index: Sequence[int], scored: Scored, model: AnomalyModel, crops: Crops) -> dict[int, Example]:
    made = {}
    for i, crop in zip(index, crops.stream((scored.samples[i] for i in index), masks=True), strict=True):
        maps = model.score([crop.pixels], maps=True).maps
        if maps is None or maps[0] is None:
            raise RuntimeError(f"{model.kind} gave no map although one was asked for")
        sample = crop.sample
        made[i] = Example(
            name=sample.name,
            defect=sample.defect,
            damaged=sample.damaged,
            score=float(scored.scores[i]),  # of the batch it was judged in
            pixels=crop.pixels,
            anomaly_map=maps[0],
            mask=crop.mask if sample.damaged else None,
        )
    return made
