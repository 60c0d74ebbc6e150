"""Exactly once through what happens to workers: rebalances, fencing, SIGKILL, SIGTERM, a silent broker."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import pytest

from shared.bus.errors import KafkaFailedError
from shared.bus.step import Result
from shared.events import PartImage
from tests.integration.bus.support import PATIENCE, Scope, assert_exactly_once, running, supervised
from tests.integration.conftest import Kafka

pytestmark = pytest.mark.kafka


@pytest.fixture
def scope(kafka: Kafka) -> Scope:
    """Topics of this test's own."""
    return Scope(kafka.bootstrap_servers).create_topics()


def _process(scope: Scope, instance: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.integration.bus.chaos_worker", scope.settings.bootstrap_servers]
    return subprocess.Popen([*command, scope.name, instance], stdout=subprocess.PIPE, text=True)


def _await_batches(process: "subprocess.Popen[str]", count: int) -> None:
    assert process.stdout is not None
    for _ in range(count):
        assert process.stdout.readline().startswith("batch"), f"the worker ended: {process.poll()}"


def test_workers_that_come_and_go_share_the_work_without_loss_or_doubles(scope: Scope) -> None:
    """Two rebalances in the midst of thousands of events."""
    images = [scope.image(n, part=f"part-{n % 40}") for n in range(3000)]
    scope.publish(images)
    seen: dict[str, int] = {"first": 0, "second": 0}
    both = threading.Event()

    def counting(name: str, batch: Sequence[PartImage]) -> list[Result]:
        seen[name] += len(batch)
        if min(seen.values()) > 100:
            both.set()
        # Slow enough that the work lasts until both have had their share.
        time.sleep(0.0 if both.is_set() else 0.05)
        return scope.echo(batch)

    with running(scope.worker(lambda batch: counting("first", batch))):
        with running(scope.worker(lambda batch: counting("second", batch))):
            assert both.wait(PATIENCE), seen
        crops = scope.read_crops(count=3000)
    assert_exactly_once(crops, images)


def test_a_zombie_is_fenced_off_by_its_successor(scope: Scope) -> None:
    """Two processes of one instance name: the elder may not publish any more once the younger has begun."""
    images = [scope.image(n, part=f"part-{n % 5}") for n in range(60)]
    succeeded, in_step = threading.Event(), threading.Event()

    def sleepy(batch: Sequence[PartImage]) -> list[Result]:
        in_step.set()
        assert succeeded.wait(PATIENCE)
        return scope.echo(batch)

    scope.publish(images)
    zombie_error: list[BaseException] = []

    def run_zombie() -> None:
        try:
            scope.worker(sleepy, instance="line-1").run(threading.Event())
        except KafkaFailedError as error:
            zombie_error.append(error)

    zombie = threading.Thread(target=run_zombie)
    zombie.start()
    assert in_step.wait(PATIENCE)
    with running(scope.worker(instance="line-1")) as _:
        time.sleep(1.0)  # not asserted on: only makes it likely that the successor waits for the zombie's partitions
        succeeded.set()
        zombie.join(PATIENCE)
        crops = scope.read_crops(count=60)
    assert_exactly_once(crops, images)
    assert len(zombie_error) == 1
    assert "same instance name" in str(getattr(zombie_error[0], "hint", ""))


@pytest.mark.parametrize("instance", ["worker-0", "changes"])
def test_sigkill_in_the_midst_of_work_loses_and_doubles_nothing(scope: Scope, instance: str) -> None:
    """Killed twice; the successor has the same instance name, or another one."""
    images = [scope.image(n, part=f"part-{n % 9}") for n in range(1200)]
    scope.publish(images)
    for life in range(2):
        with _process(scope, instance if instance != "changes" else f"life-{life}") as process:
            _await_batches(process, 12)
            process.kill()
    with running(scope.worker(instance=instance)):
        crops = scope.read_crops(count=1200)
    assert_exactly_once(crops, images)


def test_sigterm_finishes_commits_and_leaves_the_group(scope: Scope) -> None:
    """Exit status 0, and the successor does not have to wait for a session to time out."""
    images = [scope.image(n, part=f"part-{n % 9}") for n in range(400)]
    scope.publish(images)
    with _process(scope, "worker-0") as process:
        _await_batches(process, 5)
        process.terminate()
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(PATIENCE) == 0
    # A session longer than the test's patience: only a member that left lets the next one have its partitions.
    long = {"session_timeout_ms": 200_000, "transaction_timeout_ms": 100_000}
    with running(scope.worker(**long)):
        crops = scope.read_crops(count=400)
    assert_exactly_once(crops, images)


def test_a_broker_that_stops_answering_in_mid_commit(kafka: Kafka, scope: Scope) -> None:
    """A transaction stays without an answer: the worker goes on by itself or is started again; the account is right."""
    if kafka.broker is None:
        pytest.skip("the broker was given by the environment; only our own may be stopped")
    images = [scope.image(n, part=f"part-{n % 9}") for n in range(900)]
    scope.publish(images)
    pid = kafka.broker.pid
    batches = threading.Semaphore(0)

    def counting(batch: Sequence[PartImage]) -> list[Result]:
        batches.release()
        time.sleep(0.005)
        return scope.echo(batch)

    quick = {"transaction_timeout_ms": 2500, "message_timeout_ms": 2000, "call_budget_s": 40.0}
    with supervised(lambda: scope.worker(counting, **quick)):
        for _ in range(10):
            assert batches.acquire(timeout=PATIENCE)
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(4.5)  # longer than a transaction may take, shorter than the worker's patience
        finally:
            os.kill(pid, signal.SIGCONT)
        crops = scope.read_crops(count=900)
    assert_exactly_once(crops, images)
