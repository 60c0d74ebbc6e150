"""A real score worker on real Kafka, a Redis of its own that may be killed, and a store in a folder."""

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.redis import RedisServer
from services.score.main import main
from shared.bus.publisher import EventPublisher
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import Fault, ModelStamp, Verdict
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, VersionRecord
from shared.settings import FaultSettings, RedisSettings, ScoreSettings, Settings, StoreSettings
from shared.store import ArtifactStore
from tests.integration.conftest import Kafka
from tests.unit.services.cards import a_card
from tests.unit.services.events import crop, picture

EXTRACTOR = ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=64, width=64))
PATIENCE = 90.0


class ScoreLine:
    """One score worker and everything around it; each test has its own."""

    def __init__(self, folder: Path, kafka: Kafka, bundles: dict[str, Path]) -> None:
        self.folder = folder
        self.name = f"t{uuid.uuid4().hex[:8]}"
        """Plant, consumer group and instance: what tells this test's events from others' on the same broker."""
        self.redis = RedisServer(folder / "redis")
        self.bus = BusSettings(
            bootstrap_servers=kafka.bootstrap_servers,
            group=self.name,
            instance=self.name,
            session_timeout_ms=6000,
            transaction_timeout_ms=5000,
            message_timeout_ms=4000,
            retry_initial_s=0.2,
            retry_max_s=0.5,
            max_wait_ms=5,
        )
        self.settings = Settings(
            bus=self.bus,
            redis=RedisSettings.model_validate({"url": self.redis.url, "timeout_s": 1.0}),
            store=StoreSettings(url=str(folder / "store"), cache_dir=folder / "cache"),
            score=ScoreSettings(device="cpu", check_s=1.0),
            faults=FaultSettings(repeat_s=3600),
        )
        self.bundles = bundles
        store = ArtifactStore(self.settings.store)
        self.digests = {name: store.put(path) for name, path in bundles.items()}
        self.verdicts = EventReader(self.bus, (Verdict,))
        self.faults = EventReader(self.bus, (Fault,))
        self.publisher = EventPublisher(self.bus)
        self.told: list[tuple[str, str]] = []
        """Kind and state of each fault of this worker, as they were told."""
        self.last_fault: dict[str, Fault] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: list[BaseException] = []

    def start(self) -> None:
        """Start the worker, as `linegate serve score` does."""
        self._stop.clear()

        def run() -> None:
            try:
                main(self.settings, self._stop)
            except BaseException as error:  # noqa: BLE001 - handed to the test
                self._failure.append(error)

        self._thread = threading.Thread(target=run, name=f"score-{self.name}")
        self._thread.start()

    def stop(self) -> None:
        """Stop it in order."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive(), "the worker did not stop"
            self._thread = None
        assert not self._failure, self._failure

    def assign(self, version: str) -> int:
        """Register a version and make it this plant's champion; answers the revision."""
        with Registry(self.settings.redis) as registry:
            registry.register(VersionRecord(version=version, digest=self.digests[version], kind="padim"))
            key = PlaceKey.parse(self.name)
            held = registry.snapshot().assignment(key)
            expected = None if held is None else held.revision
            return registry.assign(key, Assignment(champion=version), expected=expected, author="ada")

    def artifact(self, version: str) -> Path:
        """A version's file in the store."""
        digest = self.digests[version]
        return self.folder / "store" / "sha256" / digest[:2] / digest

    def mend(self, version: str) -> None:
        """Put the right file back."""
        shutil.copy(self.bundles[version], self.artifact(version))

    def send(self) -> str:
        """Send one part; answers its photo's id."""
        photo = uuid.uuid4().hex
        event = crop(photo, id=f"crop-{photo}", plant=self.name, image=photo)
        self.publisher.publish(event).result(PATIENCE)
        return photo

    def verdict_on(self, photo: str) -> Verdict:
        """Wait for the verdict on a photo."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            read = self.verdicts.poll(0.5)
            if read is not None and isinstance(read[1], Verdict) and read[1].image == photo:
                return read[1]
        raise AssertionError("no verdict came")

    def stamp(self) -> ModelStamp:
        """Send a part and see who judged it."""
        model = self.verdict_on(self.send()).model
        assert model is not None
        return model

    def stamp_when(self, condition: Callable[[ModelStamp], Any]) -> ModelStamp:
        """Send parts until one is judged as wanted: a change takes a moment to reach the worker."""
        deadline = time.monotonic() + PATIENCE
        while not condition(stamp := self.stamp()):
            assert time.monotonic() < deadline, stamp
        return stamp

    def wait_told(self, kind: str, state: str) -> Fault:
        """Wait until a fault of this worker is told."""
        deadline = time.monotonic() + PATIENCE
        while self.told[-1:] != [(kind, state)] and (kind, state) not in self.told:
            assert time.monotonic() < deadline, self.told
            read = self.faults.poll(0.5)
            if read is not None and isinstance(read[1], Fault) and read[1].instance == self.name:
                fault = read[1]
                if (fault.kind, fault.state) not in self.told[-1:]:
                    self.told.append((fault.kind, fault.state))
                self.last_fault[fault.kind] = fault
        return self.last_fault[kind]

    def close(self) -> None:
        """End everything."""
        self.stop()
        self.verdicts.close()
        self.faults.close()
        self.publisher.close()
        self.redis.stop()


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two versions of one model; random weights are enough, accuracy is not under test."""
    folder = tmp_path_factory.mktemp("bundles")
    model = make_model(ModelSpec(kind="padim", extractor=EXTRACTOR), ExtractorPool(device="cpu"))
    model.fit([picture(i) for i in range(6)])
    for number, name in enumerate(("old", "new")):
        write_bundle(folder / name, model, a_card(1e9 + number))
    return {name: folder / name for name in ("old", "new")}


@pytest.fixture
def line(tmp_path: Path, kafka: Kafka, bundles: dict[str, Path]) -> Iterator[ScoreLine]:
    """A worker that is not started yet, beside a Redis that is not started yet."""
    made = ScoreLine(tmp_path, kafka, bundles)
    try:
        yield made
    finally:
        made.close()
