"""A whole Linegate on this machine: Kafka, Redis, and gateway, crop and score as processes of their own."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.local.process import free_port
from deploy.local.stack import LocalStack
from deploy.local.workers import LocalWorkers, worker_settings
from shared.auth.client import BearerAuth
from shared.bus.settings import BusSettings
from shared.settings.sections import RedisSettings, StoreSettings


@dataclass(frozen=True, slots=True)
class Line:
    """The running line and where its parts are."""

    stack: LocalStack
    workers: LocalWorkers
    gateway: str
    environment: dict[str, str]
    photos: Path
    """The one folder that a `dataref` may point into."""

    @property
    def auth(self) -> BearerAuth:
        """How tests show the gateway who they are."""
        return BearerAuth(SecretStr(Path(self.environment["LINEGATE_TOKEN_FILE"]).read_text().strip()))

    @property
    def bus(self) -> BusSettings:
        """How tests reach Kafka."""
        return BusSettings(bootstrap_servers=self.stack.bootstrap_servers)

    @property
    def redis(self) -> RedisSettings:
        """How tests reach Redis."""
        return RedisSettings.model_validate({"url": self.stack.redis_url})

    @property
    def store(self) -> StoreSettings:
        """Where tests put bundles."""
        return StoreSettings(
            url=self.environment["LINEGATE_STORE__URL"], cache_dir=Path(self.environment["LINEGATE_STORE__CACHE_DIR"])
        )


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """One line for a module, on servers of its own so that no other test's events mix in.

    Not for the session: its six processes would idle beside every test that comes later.
    """
    folder = tmp_path_factory.mktemp("line")
    photos = folder / "photos"
    photos.mkdir()
    port = free_port()
    given = {name: os.environ[name] for name in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL") if name in os.environ}
    with LocalStack(folder / "servers", environment=given) as stack:
        environment = worker_settings(stack, folder, port=port) | {
            "LINEGATE_IMAGES__DATAREF_ROOTS": photos.as_uri() + "/",
            "LINEGATE_IMAGES__MAX_PIXELS": str(4_000_000),
            "OMP_NUM_THREADS": "1",
        }
        with LocalWorkers(folder / "logs", settings=environment, bootstrap_servers=stack.bootstrap_servers) as workers:
            yield Line(stack, workers, f"http://127.0.0.1:{port}", environment, photos)
