"""The console as a process on real servers, and a browser without a screen: it keeps cookies, follows the stream."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import httpx
import numpy as np
import pytest

from deploy.local.access import local_access
from deploy.local.process import free_port
from shared.bus.publisher import EventPublisher
from shared.bus.settings import BusSettings
from shared.events import Check, PartAnomalyMap, PartCrop, PartImage, Timings, Verdict, now
from tests.unit.services.console.parts import verdict

SERVE: Final = [sys.executable, "-c", "from services.cli import serve; serve()", "console"]
PATIENCE: Final = 60.0


def picture(suffix: str, value: int = 90) -> bytes:
    """An encoded picture."""
    return cv2.imencode(suffix, np.full((40, 60, 3), value, np.uint8))[1].tobytes()


class Console:
    """`linegate serve console` as a process.

    Args:
        kafka: its bootstrap servers.
        redis_url: where Redis is.
        folder: for its files.
    """

    def __init__(self, kafka: str, redis_url: str, folder: Path) -> None:
        port, probe_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "console.log"
        access = local_access(folder / "access")
        (folder / "store").mkdir()
        self.token = access.token_file.read_text().strip()
        self._environment = os.environ | {
            "KAFKA_BOOTSTRAP_SERVERS": kafka,
            "REDIS_URL": redis_url,
            "LINEGATE_CONSOLE__PORT": str(port),
            "LINEGATE_PROBES__PORT": str(probe_port),
            "LINEGATE_AUTH__KEYS_FILE": str(access.keys_file),
            "LINEGATE_STORE__URL": str(folder / "store"),
            "LINEGATE_STORE__CACHE_DIR": str(folder / "cache"),
        }
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                SERVE, env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self.browser = httpx.Client(base_url=self.url, timeout=PATIENCE, headers={"origin": self.url})
        self.probes = httpx.Client(base_url=f"http://127.0.0.1:{probe_port}", timeout=PATIENCE)

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Wait until `condition` is met, and answer what it is; a console that does not answer does not meet it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            assert self.process.poll() is None, f"the console ended:\n{self.log.read_text()[-3000:]}"
            try:
                if found := condition():
                    return found
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"waited in vain:\n{self.log.read_text()[-3000:]}"
            time.sleep(0.05)

    def sign_in(self) -> None:
        """As its owner."""
        self.wait(lambda: self.probes.get("/healthz").status_code == 200)
        answer = self.browser.post("/sign-in", data={"token": self.token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")

    def wait_ready(self) -> None:
        """Until it has read what was there."""
        self.wait(lambda: self.probes.get("/readyz").status_code == 200)

    def page(self, path: str) -> str:
        """A page that is there."""
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def close(self) -> None:
        """End it however it is."""
        self.browser.close()
        self.probes.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Stream:
    """Follows `/live` on a thread, as a browser tab does."""

    def __init__(self, console: Console, topics: str) -> None:
        self.told: list[str] = []
        """The topics of each change."""
        self.ended = threading.Event()
        self._console = console
        self._topics = topics
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        try:
            with self._console.browser.stream("GET", "/live", params={"topics": self._topics}) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        self.told += json.loads(line.removeprefix("data: ")).get("topics", [])
        except httpx.TransportError:
            pass
        finally:
            self.ended.set()


@pytest.fixture
def start_console(redis_url: str, tmp_path: Path) -> Iterator[Callable[[str], Console]]:
    """Starts a console at a Kafka; it is ended with the test."""
    started: list[Console] = []

    def start(kafka: str) -> Console:
        started.append(Console(kafka, redis_url, tmp_path))
        return started[-1]

    yield start
    for console in started:
        console.close()


def judge(bus: BusSettings, image: str, *, failed: bool = True, plant: str = "munich") -> Verdict:
    """Publish a photo, its crop, its map and its verdict, as the workers do."""
    at = now()
    place = {"part": f"P-{image}", "plant": plant, "line": "line-1", "captured": at}
    photo = PartImage(id=image, **place, mediatype="image/png", pixels=picture(".png"))
    crop = PartCrop(
        **place, image=image, mediatype="image/png", pixels=picture(".png", 60), policy="full_frame",
        presence=Check(name="presence", result="skipped"), timings=Timings(),
    )  # fmt: skip
    heat = PartAnomalyMap(
        **place, image=image, version="v1", low=0.0, high=40.0, mediatype="image/png", pixels=picture(".png", 200)
    )
    with EventPublisher(bus) as publisher:
        lies = [publisher.publish(event).result(PATIENCE) for event in (photo, crop)]
        where = [f"{one.partition}@{one.offset}" for one in lies]
        judged = verdict(image, failed=failed, at=at, **place, photo=where[0], crop=where[1])
        publisher.publish(heat).result(PATIENCE)
        publisher.publish(judged).result(PATIENCE)
    return judged
