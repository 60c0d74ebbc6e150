"""A gateway process on real Kafka, and a small pipeline that answers photos as their part's name asks for."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from pydantic import SecretStr

from deploy.local.access import local_access
from deploy.local.process import free_port
from shared.auth.client import BearerAuth
from shared.bus.dead_letter import dead_letter
from shared.bus.errors import KafkaFailedError
from shared.bus.publisher import EventPublisher
from shared.bus.reader import EventReader
from shared.bus.record import Record
from shared.bus.settings import BusSettings
from shared.events import Check, ModelStamp, PartImage, Timings, Verdict, derived_event_id

SERVE: Final = [sys.executable, "-c", "from services.cli import serve; serve()"]
READY_SECONDS: Final = 60.0


class EchoPipeline:
    """Answers every photo of ours as its part's name asks for.

    A part named `bad-*` fails, `dead-*` becomes a dead letter, `twice-*` gets two verdicts, `silent-*` none, and
    anything else passes. Everything seen is kept in `seen`.
    """

    def __init__(self, bus: BusSettings) -> None:
        self._reader = open_reader(bus)
        self._publisher = EventPublisher(bus)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.seen: list[PartImage] = []
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()
        self._reader.close()
        self._publisher.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            read = self._reader.poll(0.1)
            if read is not None and isinstance(read[1], PartImage) and read[1].source.startswith("/linegate/"):
                self.seen.append(read[1])
                self._answer(read[0], read[1])

    def _answer(self, record: Record, photo: PartImage) -> None:
        kind = photo.part.rpartition("/")[2].partition("-")[0]
        if kind == "dead":
            self._publisher.publish_record(dead_letter(record, "the picture is damaged", worker="crop"))
        elif kind != "silent":
            for _ in range(2 if kind == "twice" else 1):
                self._publisher.publish(verdict(photo, score=3.0 if kind == "bad" else 1.0))


def open_reader(bus: BusSettings) -> EventReader:
    """A reader of photos; topics made a moment ago may not have their leaders yet."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return EventReader(bus, (PartImage,))
        except KafkaFailedError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def verdict(photo: PartImage, *, score: float) -> Verdict:
    """A verdict on `photo` against a threshold of 2."""
    result = "fail" if score >= 2.0 else "pass"
    return Verdict.model_validate(
        photo.model_dump(include={"part", "plant", "line", "station", "layout", "camera", "captured", "traceparent"})
        | {
            "id": derived_event_id(photo.id, "verdict"),
            "image": photo.id,
            "decision": result,
            "checks": (Check.model_validate({"name": "damage", "result": result, "score": score, "threshold": 2.0}),),
            "model": ModelStamp(
                version="v1", digest="0" * 64, kind="padim", arm="champion", assignment="*/*/*/*/*", revision=1
            ),
            "timings": Timings(),
        }
    )


class GatewayProcess:
    """`linegate serve gateway` as a process, with a key that opens it to `http`, and probes."""

    def __init__(self, bootstrap_servers: str, log: Path, **environment: str) -> None:
        self.port = free_port()
        self.log = log
        self.access = local_access(log.parent / f"access-{self.port}")
        probe_port = free_port()
        self._environment = os.environ | {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "LINEGATE_GATEWAY__PORT": str(self.port),
            "LINEGATE_PROBES__PORT": str(probe_port),
            "LINEGATE_AUTH__KEYS_FILE": str(self.access.keys_file),
            **environment,
        }
        self.process = self._start()
        auth = BearerAuth(SecretStr(self.access.token_file.read_text().strip()))
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60, auth=auth)
        self.probes = httpx.Client(base_url=f"http://127.0.0.1:{probe_port}", timeout=60)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def restart(self) -> None:
        """Start it again, on the same port, after it ended."""
        self.process = self._start()

    def wait_until(self, condition: Callable[["GatewayProcess"], bool]) -> None:
        """Wait for `condition` of the running gateway; an unreachable one does not fulfil it."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            assert self.process.poll() is None, f"the gateway ended:\n{self.log.read_text()[-3000:]}"
            try:
                if condition(self):
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"waited in vain:\n{self.log.read_text()[-3000:]}"
            time.sleep(0.05)

    def wait_ready(self) -> None:
        """Wait until it is ready."""
        self.wait_until(lambda gateway: gateway.probes.get("/readyz").status_code == 200)

    def terminate(self) -> int:
        """SIGTERM; answers the exit status."""
        self.process.terminate()
        return self.process.wait(60)

    def close(self) -> None:
        """End it however it is."""
        self.http.close()
        self.probes.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [*SERVE, "gateway"], env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )


@pytest.fixture(scope="module")
def bus(kafka: object) -> BusSettings:
    """How to reach the session's broker."""
    return BusSettings(bootstrap_servers=kafka.bootstrap_servers)  # type: ignore[attr-defined]  # a conftest's class cannot be imported


@pytest.fixture(scope="module")
def pipeline(bus: BusSettings) -> Iterator[EchoPipeline]:
    """The pipeline of this module."""
    pipeline = EchoPipeline(bus)
    yield pipeline
    pipeline.close()


@pytest.fixture(scope="module")
def gateway(bus: BusSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A ready gateway for the tests of this module, none of which ends it."""
    gateway = GatewayProcess(bus.bootstrap_servers, tmp_path_factory.mktemp("gateway") / "gateway.log")
    try:
        gateway.wait_ready()
        yield gateway
    finally:
        gateway.close()


@pytest.fixture
def own_gateway(bus: BusSettings, tmp_path: Path) -> Iterator[GatewayProcess]:
    """A ready gateway that the test may end."""
    gateway = GatewayProcess(bus.bootstrap_servers, tmp_path / "gateway.log")
    try:
        gateway.wait_ready()
        yield gateway
    finally:
        gateway.close()


@pytest.fixture
def start_gateway() -> Iterator[Callable[..., GatewayProcess]]:
    """Start gateways on brokers of the test's own; each is ended with the test."""
    started: list[GatewayProcess] = []

    def start(bootstrap_servers: str, log: Path, **environment: str) -> GatewayProcess:
        started.append(GatewayProcess(bootstrap_servers, log, **environment))
        return started[-1]

    yield start
    for gateway in started:
        gateway.close()
