"""A registered version in a real Redis and a store in a folder, and the commands that work on it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from shared.bus.publisher import EventPublisher
from shared.bus.settings import BusSettings
from shared.events import Event
from shared.models.bundle import write_bundle
from shared.models.embedding import EmbeddingStream
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from shared.registry.client import Registry
from shared.registry.records import VersionRecord
from shared.settings import RedisSettings, Settings, StoreSettings
from shared.signing import sign_artifact
from shared.signing.keys import signing_key, write_key_pair
from shared.store import ArtifactStore
from tests.integration.conftest import Kafka
from tests.unit.services.cards import a_card
from tests.unit.services.events import picture
from training.cli import train

SPEC = ModelSpec(
    kind="padim", extractor=ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=64, width=64))
)
THRESHOLD = 10.0


@dataclass(frozen=True, slots=True)
class Plant:
    """A plant of a test's own with a version of its own."""

    name: str
    version: str
    digest: str
    settings: Settings
    folder: Path

    @property
    def store(self) -> ArtifactStore:
        """The artifact store."""
        return ArtifactStore(self.settings.store)

    def publish(self, *events: Event) -> None:
        """Publish, and wait until the broker has them."""
        with EventPublisher(self.settings.bus) as publisher:
            for future in [publisher.publish(event) for event in events]:
                future.result(60)


@pytest.fixture
def plant(kafka: Kafka, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """With a signed bundle, whose key is trusted."""
    private, public = tmp_path / "key.pem", tmp_path / "key.pub"
    write_key_pair(private, public, passphrase=None)
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "LINEGATE_REDIS__URL": redis_url,
        "LINEGATE_STORE__URL": str(tmp_path / "store"),
        "LINEGATE_STORE__CACHE_DIR": str(tmp_path / "cache"),
        "LINEGATE_SIGNING__PRIVATE_KEY": str(private),
        "LINEGATE_SIGNING__PUBLIC_KEYS": str(public),
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings(
        bus=BusSettings(bootstrap_servers=kafka.bootstrap_servers),
        redis=RedisSettings.model_validate({"url": redis_url}),
        store=StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "other cache"),
    )
    model = make_model(SPEC, ExtractorPool("cpu"))
    embeddings = EmbeddingStream(model.spec.extractor.input)
    model.fit([picture(i) for i in range(6)], seen=embeddings.add)
    learnt = embeddings.reference()
    assert learnt is not None
    card = a_card(THRESHOLD).model_copy(update={"embedding": learnt.held_out([0.9, 1.1])})
    digest = write_bundle(tmp_path / "bundle", model, card)
    store = ArtifactStore(settings.store)
    store.put(tmp_path / "bundle")
    key = signing_key(settings.signing)
    assert key is not None
    sign_artifact(store, digest, key)
    name = f"p{uuid.uuid4().hex[:8]}"
    version = f"{name}-1"
    with Registry(settings.redis) as registry:
        registry.register(VersionRecord(version=version, digest=digest, kind="padim", backbone="lite0"))
    return Plant(name, version, digest, settings, tmp_path)


@pytest.fixture
def linegate_train() -> Callable[..., Result]:
    """Run `linegate train`; an expected error is raised, as the root command would get it."""

    def run(*arguments: Any) -> Result:
        result = CliRunner().invoke(train, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
