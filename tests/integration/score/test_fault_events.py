"""Faults on the real topic: also from a worker that ends, and when Kafka itself was away."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.bus.errors import BusError
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.bus.step import DeadLetter
from shared.events import Fault
from shared.faults import Report
from shared.serving.wiring import fault_reporter, run_worker
from shared.settings import Settings, StoreSettings
from tests.integration.bus.support import PATIENCE, Scope
from tests.integration.conftest import Kafka

pytestmark = pytest.mark.kafka


@pytest.fixture
def settings(kafka: Kafka, tmp_path: Path) -> Settings:
    """Of a worker of this test's own name."""
    bus = BusSettings(
        bootstrap_servers=kafka.bootstrap_servers,
        instance=uuid.uuid4().hex,
        session_timeout_ms=6000,
        transaction_timeout_ms=5000,
        message_timeout_ms=2000,
    )
    return Settings(bus=bus, store=StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache"))


@pytest.fixture
def told(settings: Settings) -> Iterator[EventReader]:
    """Faults told from now on."""
    with EventReader(settings.bus, (Fault,)) as reader:
        yield reader


def next_fault(told: EventReader, settings: Settings) -> Fault:
    """The next one of this test's worker."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        read = told.poll(0.5)
        if read is not None and isinstance(read[1], Fault) and read[1].instance == settings.bus.instance:
            assert read[0].key == read[1].key.encode()
            return read[1]
    raise AssertionError("no fault was told")


@pytest.mark.parametrize(("fails", "kind"), [(False, "dead_letter_flood"), (True, "step_failed")])
def test_a_worker_that_ends_tells_why(settings: Settings, told: EventReader, kind: str, *, fails: bool) -> None:
    """After its transaction was given up, outside any transaction, before the process is gone."""
    scope = Scope(settings.bus.bootstrap_servers, dead_letters_per_minute=5, max_failures=2).create_topics()
    scope.publish([scope.image(n) for n in range(10)])

    def step(batch: object) -> list[DeadLetter]:
        if fails:
            raise RuntimeError("a bug")
        assert isinstance(batch, list)
        return [DeadLetter("wrong") for _ in batch]

    with pytest.raises(BusError), fault_reporter(settings, "crop") as faults:
        run_worker(scope.worker(step), threading.Event(), faults=faults)
    fault = next_fault(told, settings)
    assert (fault.kind, fault.state, fault.severity, fault.worker) == (kind, "raised", "critical", "crop")
    assert "nothing is lost" in (fault.hint or "")


def test_kafka_away_and_back(settings: Settings, told: EventReader, kafka: Kafka) -> None:
    """Nobody waits for it; what holds when it is back is told, at least once and under one id."""
    if kafka.broker is None:
        pytest.skip("the broker is not ours to freeze")
    with fault_reporter(settings, "score") as faults:
        os.kill(kafka.broker.pid, signal.SIGSTOP)
        try:
            faults.raised(Report("store_away", "warning", "the share is gone"))
            faults.raised(Report("disk_full", "warning", "no room", subject="cache"))
            faults.cleared("disk_full", "cache")
            # Longer than a record may take: the first attempt is given up and made again.
            threading.Event().wait(2 * settings.bus.message_timeout_ms / 1000)
        finally:
            os.kill(kafka.broker.pid, signal.SIGCONT)
        seen: dict[tuple[str, str], set[str]] = {}
        while not {("store_away", "raised"), ("disk_full", "cleared")} <= seen.keys():
            fault = next_fault(told, settings)
            seen.setdefault((fault.kind, fault.state), set()).add(fault.id)
    assert all(len(ids) == 1 for ids in seen.values())
