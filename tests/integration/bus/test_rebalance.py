"""Partitions that go to another worker in the midst of work: revoked, revoked too slowly, paused, lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from shared.bus.loop import Worker
from shared.bus.step import Result, Retry
from shared.events import PartImage
from tests.integration.bus.support import PATIENCE, Scope, assert_exactly_once, running
from tests.integration.conftest import Kafka

pytestmark = pytest.mark.kafka


@pytest.fixture
def scope(kafka: Kafka) -> Scope:
    """Topics of this test's own."""
    return Scope(kafka.bootstrap_servers).create_topics()


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def _owned(worker: Worker) -> int:
    return worker.health.assigned


class Gate:
    """An echo step that tells what it has seen, and works only while it is open."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.seen: Counter[str] = Counter()
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, batch: Sequence[PartImage]) -> list[Result]:
        """Wait at the gate."""
        self.seen.update(image.id for image in batch)
        self.entered.set()
        assert self.open.wait(PATIENCE)
        return self._scope.echo(batch)


def test_what_the_step_has_in_hand_is_committed_before_its_partitions_go(scope: Scope) -> None:
    """A second worker joins in mid-batch: the batch is finished for the first one, and not computed again."""
    images = [scope.image(n, part=f"part-{n % 40}") for n in range(16)]
    scope.publish(images)
    first, second = Gate(scope), Gate(scope)
    second.open.set()
    elder, younger = scope.worker(first, max_wait_ms=2000), scope.worker(second)
    with running(elder):
        assert first.entered.wait(PATIENCE)
        assert len(first.seen) == 16, "all of them are in one batch"
        with running(younger):
            # The elder is in the midst of its revoke: it has to answer for two of its partitions and cannot yet.
            _await(lambda: elder.health.tick_age_s > 1.0)
            first.open.set()
            _await(lambda: _owned(elder) == 2 and _owned(younger) == 2)
            crops = scope.read_crops(count=16)
    assert_exactly_once(crops, images)
    # What went to the younger was committed before it went. What stayed is a matter of one batch, too.
    assert set(first.seen.values()) == {1}
    assert not second.seen


@pytest.mark.slow
def test_what_is_not_done_within_the_revoke_budget_is_dropped(scope: Scope) -> None:
    """The successor does not wait for a step that hangs, and the late result of that step is void."""
    images = [scope.image(n, part=f"part-{n % 40}") for n in range(16)]
    scope.publish(images)
    hangs, works = Gate(scope), Gate(scope)
    works.open.set()
    elder, younger = scope.worker(hangs, revoke_budget_s=0.5, max_wait_ms=2000), scope.worker(works)
    with running(elder):
        assert hangs.entered.wait(PATIENCE)
        with running(younger):
            _await(lambda: _owned(younger) == 2)
            scope.read_crops(count=1)
            hangs.open.set()
            crops = scope.read_crops(count=16)
    assert works.seen
    assert_exactly_once(crops, images)


def test_a_partition_that_was_paused_when_it_left_flows_when_it_comes_back(scope: Scope) -> None:
    """All partitions are held back; half of them go to another worker and return; then everything flows."""
    images = [scope.image(n, part=f"part-{n % 40}") for n in range(80)]
    away = threading.Event()
    away.set()

    def step(batch: Sequence[PartImage]) -> list[Result]:
        return [Retry("the store is away") for _ in batch] if away.is_set() else scope.echo(batch)

    scope.publish(images)
    patient = {"retry_initial_s": 2.0, "retry_max_s": 2.0}
    elder = scope.worker(step, **patient)
    with running(elder):
        _await(lambda: elder.health.held == 4)
        younger = scope.worker(step, **patient)
        with running(younger):
            _await(lambda: _owned(elder) == 2 and _owned(younger) == 2)
        away.clear()
        _await(lambda: _owned(elder) == 4)
        crops = scope.read_crops(count=80)
    assert_exactly_once(crops, images)


@pytest.mark.slow
def test_a_worker_that_was_frozen_past_its_session_publishes_nothing_of_before(scope: Scope) -> None:
    """SIGSTOP in the midst of work, another worker takes over, SIGCONT: the frozen one has lost what it held."""
    images = [scope.image(n, part=f"part-{n % 9}") for n in range(1500)]
    scope.publish(images)
    command = [sys.executable, "-m", "tests.integration.bus.chaos_worker", scope.settings.bootstrap_servers]
    with subprocess.Popen([*command, scope.name, "frozen"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(8):
            assert process.stdout.readline().startswith("batch")
        os.kill(process.pid, signal.SIGSTOP)
        worker = scope.worker(instance="other")
        try:
            with running(worker):
                # Its session runs out, and everything is ours.
                _await(lambda: _owned(worker) == 4)
                os.kill(process.pid, signal.SIGCONT)
                scope.read_crops(count=1500)
        finally:
            os.kill(process.pid, signal.SIGCONT)
            process.terminate()
            process.stdout.read()
        # It went on in order, or found that the broker had ended its transaction; its supervisor starts it again then.
        assert process.wait(PATIENCE) in {0, 1}
    with running(scope.worker()):
        crops = scope.read_crops(count=1500)
    assert_exactly_once(crops, images)
