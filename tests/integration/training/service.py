"""Training workers as processes of their own, on real Kafka and a Redis that may be emptied."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis

from deploy.local.redis import RedisServer
from shared.bus.publisher import EventPublisher
from shared.bus.reader import EventReader
from shared.bus.record import Record
from shared.bus.settings import BusSettings
from shared.events import Event, TrainingProgress, TrainingRequest, TrainingResult, TrainingSpec
from shared.registry.client import Registry
from shared.registry.records import VersionRecord
from shared.settings import RedisSettings
from tests.integration.conftest import Kafka

PATIENCE = 120.0
LEASE_S = 4.0
SPEC = TrainingSpec(
    weights="random:1", height=32, width=32, crop="full_frame", rule="mean_sd", options={"channels": 8}
)  # fmt: skip


class TrainingService:
    """What a test of the service needs; each test has its own events, by their jobs.

    Args:
        folder: for stores and logs.
        kafka: of the session.
        server: of the module.
        photos: the root that the workers may read.
    """

    def __init__(self, folder: Path, kafka: Kafka, server: RedisServer, photos: Path) -> None:
        self.folder = folder
        self.photos = photos
        self.bus = BusSettings(bootstrap_servers=kafka.bootstrap_servers, message_timeout_ms=19_000)
        self.redis = RedisSettings.model_validate({"url": server.url})
        self.plant = f"p{uuid.uuid4().hex[:8]}"
        self.events: list[Event] = []
        """Progress and results, as they came."""
        self.letters: list[Record] = []
        types = (TrainingProgress, TrainingResult)
        self._reader = EventReader(self.bus, types, dead_letters_of=(TrainingRequest,))
        self._publisher = EventPublisher(self.bus)
        self._workers: list[subprocess.Popen[bytes]] = []

    def close(self) -> None:
        """End everything."""
        for worker in self._workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.terminate()
        for worker in self._workers:
            worker.wait(PATIENCE)
        self._publisher.close()
        self._reader.close()

    def worker(self, **settings: str) -> "subprocess.Popen[bytes]":
        """Start `linegate serve train`, and wait until it takes requests."""
        number = len(self._workers)
        told = {
            "KAFKA_BOOTSTRAP_SERVERS": self.bus.bootstrap_servers,
            "REDIS_URL": self.redis.url.get_secret_value(),
            "OMP_NUM_THREADS": "1",
            "LINEGATE_BUS__SESSION_TIMEOUT_MS": "6000",
            "LINEGATE_BUS__TRANSACTION_TIMEOUT_MS": "5000",
            "LINEGATE_BUS__MESSAGE_TIMEOUT_MS": "4000",
            "LINEGATE_BUS__RETRY_MAX_S": "1",
            "LINEGATE_STORE__URL": str(self.folder / "store"),
            "LINEGATE_STORE__CACHE_DIR": str(self.folder / "cache"),
            "LINEGATE_TRAINING__DATA_ROOTS": str(self.photos),
            "LINEGATE_TRAINING__WORK_DIR": str(self.folder / "work"),
            "LINEGATE_TRAINING__CACHE_DIR": str(self.folder / "crops"),
            "LINEGATE_TRAINING__LEASE_S": str(LEASE_S),
            "LINEGATE_TRAINING__DEVICE": "cpu",
            "LINEGATE_TRAINING__THREADS": "1",
        }
        path = self.folder / f"worker-{number}.log"
        with path.open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "shared.cli", "serve", "train"],
                env={**os.environ, **told, **settings},
                stdout=log,
                stderr=log,
            )
        self._workers.append(worker)
        self.wait(lambda: b"assigned:" in path.read_bytes() or worker.poll() is not None, "a worker")
        return worker

    def stop(self, worker: "subprocess.Popen[bytes]") -> None:
        """End it in order."""
        worker.terminate()
        assert worker.wait(PATIENCE) == 0

    def fitting(self, worker: "subprocess.Popen[bytes]") -> list[int]:
        """Process ids of what the worker fits with."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                state, parent = stat.read_text().rpartition(")")[2].split()[:2]
                if int(parent) == worker.pid and state != "Z":
                    found.append(int(stat.parent.name))
        return found

    def request(self, data: str = "tiles", *, job: str | None = None, **more: Any) -> TrainingRequest:
        """A request at this test's plant."""
        job = job or f"job-{uuid.uuid4().hex[:12]}"
        place = f"{self.plant}/line-1"
        return TrainingRequest.model_validate(
            {"job": job, "place": place, "data": data, "spec": SPEC, "author": "ada"} | more
        )

    def publish(self, *events: Event) -> None:
        """Publish, and wait until the broker has them."""
        for future in [self._publisher.publish(event) for event in events]:
            future.result(PATIENCE)

    def results(self, job: str) -> list[TrainingResult]:
        """Those of a job so far."""
        return [event for event in self.events if isinstance(event, TrainingResult) and event.job == job]

    def progress(self, job: str) -> list[TrainingProgress]:
        """Those of a job so far."""
        return [event for event in self.events if isinstance(event, TrainingProgress) and event.job == job]

    def wait(self, until: Callable[[], Any], what: str) -> None:
        """Read until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not until():
            assert time.monotonic() < deadline, f"{what} did not come; {self.tails()}"
            self._read(0.05)

    def result(self, job: str) -> TrainingResult:
        """The result of a job, once it is there."""
        self.wait(lambda: self.results(job), f"the result of {job}")
        return self.results(job)[0]

    def stage(self, job: str, *stages: str, attempt: int = 1) -> None:
        """Wait until a job is at one of these stages."""
        self.wait(
            lambda: any(told.stage in stages and told.attempt == attempt for told in self.progress(job)),
            f"{job} at {stages}",
        )

    def settle(self) -> None:
        """Read what is committed by now."""
        for read in self._reader.read_to_end():
            self._keep(read)

    def versions(self) -> list[VersionRecord]:
        """Registered at this test's plant."""
        with Registry(self.redis) as registry:
            return [r for r in registry.versions() if r.place is not None and str(r.place).startswith(self.plant)]

    def empty(self) -> None:
        """Lose everything that Redis holds."""
        with redis.Redis.from_url(self.redis.url.get_secret_value()) as client:
            client.flushall()

    def tails(self) -> str:
        """The ends of the workers' logs."""
        logs = sorted(self.folder.glob("worker-*.log"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-3000:]}" for log in logs)

    def _read(self, seconds: float) -> None:
        if (read := self._reader.poll(seconds)) is not None:
            self._keep(read)

    def _keep(self, read: tuple[Record, Any]) -> None:
        record, event = read
        if record.topic.endswith(".dlq"):
            self.letters.append(record)
        elif isinstance(event, TrainingProgress | TrainingResult):
            self.events.append(event)
