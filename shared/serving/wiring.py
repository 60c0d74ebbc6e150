"""What every worker's main needs beside its step: a watched registry, and somebody to tell faults to."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.bus.errors import BusError, DeadLetterFloodError, StepFailedError
from shared.bus.loop import Worker
from shared.bus.publisher import EventPublisher
from shared.events import FaultKind
from shared.faults import NO_FAULTS, FaultReporter, FaultSink, Report
from shared.registry.client import Registry
from shared.registry.snapshot import Snapshot
from shared.registry.watcher import RegistryWatcher
from shared.settings import Settings

_LAST_WORD_S: Final = 5.0
"""A Kafka that is away may delay the end of a process by this much."""


@contextmanager
def watched_registry(
    settings: Settings,
    worker: str,
    *,
    faults: FaultSink = NO_FAULTS,
    changed: Callable[[Snapshot], None] | None = None,
) -> Iterator[RegistryWatcher]:
    """A running watcher with its last-known-good copy on disk.

    The worker starts even while Redis is away: by the copy of an earlier run, or holding its photos back.

    Args:
        settings: of the process.
        worker: whose copy it is.
        faults: told when Redis is away or has older data.
        changed: called from the watcher's thread with every new state of the registry.
    """
    cache = Path(settings.store.cache_dir) / f"registry-{worker}.json"
    with (
        Registry(settings.redis) as registry,
        RegistryWatcher(registry, cache, changed=changed, faults=faults) as watcher,
    ):
        watcher.wait_first(timeout=settings.redis.timeout_s * 2)
        yield watcher


@contextmanager
def fault_reporter(settings: Settings, worker: str) -> Iterator[FaultReporter]:
    """A running reporter with a producer of its own, outside the worker's transactions: a line that stands still
    tells why.

    Args:
        settings: of the process.
        worker: the kind of worker.
    """  # noqa: D205 - one sentence
    instance = settings.bus.instance or settings.telemetry.instance or f"{socket.gethostname()}-{os.getpid()}"
    publisher = EventPublisher(settings.bus)
    try:
        with FaultReporter(
            publisher.publish, worker=worker, instance=instance, repeat_s=settings.faults.repeat_s
        ) as reporter:
            yield reporter
    finally:
        publisher.close(_LAST_WORD_S)


def run_worker(worker: Worker, stop: threading.Event, *, faults: FaultSink) -> int:
    """Run a worker until `stop` is set; one that cannot go on tells why before it ends.

    Returns:
        The exit status of an orderly end.

    Raises:
        BusError: see `Worker.run`.
    """
    try:
        return worker.run(stop)
    except BusError as error:
        kind: FaultKind = "kafka_failed"
        if isinstance(error, DeadLetterFloodError):
            kind = "dead_letter_flood"
        elif isinstance(error, StepFailedError):
            kind = "step_failed"
        faults.raised(Report(kind, "critical", f"the worker ended: {error}", hint=error.hint))
        raise
