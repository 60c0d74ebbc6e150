"""A worker's probes on a real broker: when it counts as ready, and when its step hangs as dead."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import httpx
import pytest

from deploy.local.process import free_port
from shared.bus.loop import Worker
from shared.bus.step import Result
from shared.events import PartImage
from shared.serving.worker_probes import worker_probes
from shared.settings import ProbesSettings
from tests.integration.bus.support import PATIENCE, Scope
from tests.integration.conftest import Kafka

pytestmark = pytest.mark.kafka


@pytest.fixture
def scope(kafka: Kafka) -> Scope:
    """Topics of this test's own, with one partition."""
    return Scope(kafka.bootstrap_servers).create_topics(partitions=1)


class Probed:
    """A worker with probes, running in a thread for the length of a `with` block."""

    def __init__(self, worker: Worker, **limits: float) -> None:
        self._stop = threading.Event()
        port = free_port()
        self._settings = ProbesSettings(port=port, **limits)  # type: ignore[arg-type]  # limits are seconds
        self._worker = worker
        self._thread = threading.Thread(target=self._run)
        self._url = f"http://127.0.0.1:{port}"

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop in order."""
        self._stop.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with worker_probes(self._worker, self._settings):
            self._worker.run(self._stop)

    def wait(self, path: str, condition: Callable[[int, dict[str, Any]], bool]) -> dict[str, Any]:
        """Until `condition` holds of status and body; answers the body."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = httpx.get(f"{self._url}{path}", timeout=30)
                if condition(answer.status_code, answer.json()):
                    return dict(answer.json())
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"{path} never said so"
            time.sleep(0.02)


def test_ready_once_joined_also_without_a_partition(scope: Scope) -> None:
    """Before the group has let it in it is alive and not ready; a second worker on one partition stands by, ready."""
    with Probed(scope.worker()) as first, Probed(scope.worker()) as second:
        assert first.wait("/healthz", lambda status, _: status == 200) == {"status": "alive"}
        assert first.wait("/readyz", lambda status, _: status == 200) == {"status": "ready"}
        assert second.wait("/readyz", lambda status, _: status == 200) == {"status": "ready"}


def test_a_step_that_hangs_is_dead_until_it_goes_on(scope: Scope) -> None:
    """By the limit of the settings; the loop itself goes round all the while."""
    go_on = threading.Event()

    def step(batch: Sequence[PartImage]) -> list[Result]:
        go_on.wait(PATIENCE)
        return scope.echo(batch)

    scope.publish([scope.image(0)])
    with Probed(scope.worker(step), max_step_s=0.2) as worker:
        told = worker.wait("/healthz", lambda status, _: status == 503)
        assert "the step has been on one batch" in told["reason"]
        assert worker.wait("/readyz", lambda status, _: status == 503)["status"] == "not ready"
        go_on.set()
        worker.wait("/healthz", lambda status, _: status == 200)
    assert len(scope.read_crops(count=1)) == 1
