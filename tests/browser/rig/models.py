"""A small PatchCore for each plant, on real weights: made in seconds, sure of plain damage."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from shared.cropping import by_geometry
from shared.models.base import AnomalyModel, Image
from shared.models.bundle import write_bundle
from shared.models.card import Calibration, DataSummary, ModelCard
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, VersionRecord
from shared.store import ArtifactStore
from tests.browser.rig.labels import CROP, PLANTS, Plant

GOOD: Final = 24
HELD_OUT: Final = 12
THRESHOLDS: Final = {1: 34.0, 2: 33.0}
"""Of version 1, which judges, and of version 2, a candidate."""
SPEC: Final = ModelSpec(
    kind="patchcore", extractor=ExtractorSpec(input=InputSpec(height=CROP[0], width=CROP[1], fit="stretch"))
)


@dataclass(frozen=True, slots=True)
class Trained:
    """What was learnt for one plant: a model and the scores of good parts that it did not see."""

    plant: Plant
    model: AnomalyModel
    good: tuple[float, ...]

    def write(self, path: Path, *, threshold: float) -> ModelCard:
        """A bundle; answers its card."""
        card = ModelCard(
            calibration=Calibration(
                rule="manual", threshold=threshold, good_parts=len(self.good), damaged_parts=0, good_scores=self.good
            ),
            metrics={},
            data=DataSummary(
                name=self.plant.name,
                digest="0" * 64,
                train_good=GOOD,
                calibration_good=len(self.good),
                calibration_damaged=0,
                test_good=0,
                test_damaged=0,
            ),
            protocol="clean",
            code_version="test",
            crop=self.plant.station.recipe(),
        )
        write_bundle(path, self.model, card)
        return card


def train() -> list[Trained]:
    """A model for every plant."""
    pool = ExtractorPool(device="cpu")
    return [_train(plant, pool) for plant in PLANTS]


def put_in_force(trained: Sequence[Trained], folder: Path, store: ArtifactStore, registry: Registry) -> None:
    """For each plant: its station, version 1 as champion, and version 2 as a candidate."""
    for one in trained:
        place = PlaceKey.parse(f"{one.plant.name}/{one.plant.line}")
        registry.set_station(place, one.plant.station, expected=None, author="test")
        for number, threshold in THRESHOLDS.items():
            version = f"{one.plant.name}-{number}"
            path = folder / version
            card = one.write(path, threshold=threshold)
            registry.register(
                VersionRecord(
                    version=version,
                    digest=store.put(path),
                    kind=SPEC.kind,
                    place=place,
                    crop=card.crop,
                    data=card.data,
                    calibration=card.calibration,
                    author="test",
                )
            )
        registry.assign(place, Assignment(champion=f"{one.plant.name}-1"), expected=None, author="test")


def _train(plant: Plant, pool: ExtractorPool) -> Trained:
    model = make_model(SPEC, pool)
    model.fit(_crops(plant, range(GOOD)))
    scores = np.sort(model.score(_crops(plant, range(GOOD, GOOD + HELD_OUT))).image)
    return Trained(plant, model, tuple(float(score) for score in scores))


def _crops(plant: Plant, seeds: range) -> list[Image]:
    cropped = [by_geometry(plant.good(seed).image, plant.station).pixels for seed in seeds]
    return [crop for crop in cropped if crop is not None]
