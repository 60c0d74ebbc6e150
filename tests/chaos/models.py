"""Tiny models (delivery is under test, not accuracy), of which a new version takes over at every swap."""

import threading
import time
from pathlib import Path
from typing import Final

from shared.models.base import AnomalyModel
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from shared.registry.client import Registry
from shared.registry.errors import RegistryError
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, StationConfig, VersionRecord
from shared.settings.sections import RedisSettings, StoreSettings
from shared.store import ArtifactStore
from tests.chaos.photos import PLANTS, picture
from tests.unit.services.cards import a_card

EXTRACTOR: Final = ExtractorSpec(
    backbone="test_efficientnet",
    stages=(1, 2),
    weights=WeightsSpec(source="random:0"),
    input=InputSpec(height=64, width=64),
)
KINDS: Final = {
    "munich": ModelSpec(kind="patchcore", extractor=EXTRACTOR),
    "puebla": ModelSpec(kind="padim", extractor=EXTRACTOR),
}
AUTHOR: Final = "chaos"
PATIENCE_S: Final = 90.0
PAUSE_S: Final = 0.5


class Models:
    """One fitted model per plant; versions differ in their thresholds, so each is a bundle of its own.

    Args:
        store: where bundles go.
        redis: past the proxy.
        folder: for bundles on their way.
    """

    def __init__(self, store: StoreSettings, redis: RedisSettings, folder: Path) -> None:
        self._store = ArtifactStore(store)
        self._redis = redis
        self._folder = folder
        self._lock = threading.Lock()
        self._versions = dict.fromkeys(PLANTS, 0)
        self._fitted: dict[str, tuple[AnomalyModel, float]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def set_up(self) -> None:
        """Fit, and put the first versions in force."""
        pool = ExtractorPool(device="cpu")
        pictures = [picture(i) for i in range(8)]
        with Registry(self._redis) as registry:
            for plant in PLANTS:
                model = make_model(KINDS[plant], pool)
                model.fit(pictures[:5])
                scores = model.score(pictures).image
                self._fitted[plant] = model, float(sorted(scores)[len(scores) // 2])
                registry.set_station(
                    PlaceKey.parse(plant), StationConfig(policy="full_frame"), expected=None, author=AUTHOR
                )
        for plant in PLANTS:
            self.swap(plant)

    def swap(self, plant: str) -> str:
        """Put a version in force that no worker has seen; answers its name. Repeats while Redis is away.

        Raises:
            RegistryError: Redis stayed away.
        """
        with self._lock:
            self._versions[plant] += 1
            number = self._versions[plant]
            record = self._bundle(plant, number)
            deadline = time.monotonic() + PATIENCE_S
            while True:
                try:
                    self._put_in_force(plant, record)
                except RegistryError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(PAUSE_S)
                else:
                    return record.version

    def _bundle(self, plant: str, number: int) -> VersionRecord:
        model, middle = self._fitted[plant]
        path = self._folder / f"{plant}-{number}"
        # Around the middle: some pictures pass, some fail and have a map.
        write_bundle(path, model, a_card(middle * (1 + 1e-4 * number)))
        digest = self._store.put(path)
        path.unlink()
        return VersionRecord(version=f"{plant}-{number}", digest=digest, kind=model.kind, author=AUTHOR)

    def _put_in_force(self, plant: str, record: VersionRecord) -> None:
        key = PlaceKey.parse(plant)
        with Registry(self._redis) as registry:
            registry.register(record)
            held = registry.snapshot().assignment(key)
            if held is not None and held.record.champion == record.version:
                return
            expected = None if held is None else held.revision
            registry.assign(key, Assignment(champion=record.version), expected=expected, author=AUTHOR)
