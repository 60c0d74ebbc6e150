"""The engine of a Ray cluster, or of a Ray of our own on this machine: Ray says where, the local engine does it there.

A task fits in a process of its own as everywhere, and puts the files into the artifact store itself: only its record
comes back through Ray. Ray's workers hold neither the signing key nor the registry's password of the plan's machine.
What goes to them is JSON. Ray itself pickles, and by default trusts whoever reaches its ports: docs/train-many.md.
"""

import logging
import os
import socket
from collections.abc import Generator, Sequence
from importlib.util import find_spec
from typing import Any, Final

from shared.errors import LinegateError
from shared.settings.sections import StoreSettings
from shared.store import ArtifactStore, StoreError
from training.many.engine import Failed, Job, Outcome, Progressed, Report
from training.many.on_node import OUTCOME, Board, RayTask, make_and_store

OBJECTS_BYTES: Final = 100_000_000
"""Ray's own memory for results on this machine: they are records of a few kilobytes."""
LOOK_S: Final = 0.5
REACH_S: Final = 5.0


class RayUnavailable(LinegateError):
    """Ray is not installed, or cannot be reached."""


class RayEngine:
    """Runs each job as one Ray task.

    Args:
        store: that every node and this machine reach under the same address.
        code: Linegate's version on this machine; a node with another is refused.
        address: of a cluster; None starts a Ray of our own here and ends it again.
        cpus: of a task, and its threads.
        gpus: of a task; a fraction shares one.
        retries: how often a job is begun again whose process, worker or node died.
        cores: of a Ray of our own; None: those of this machine.
    """

    def __init__(
        self,
        *,
        store: StoreSettings,
        code: str,
        address: str | None = None,
        cpus: int = 1,
        gpus: float = 0.0,
        retries: int = 1,
        cores: int | None = None,
    ) -> None:
        self._store: Final = store
        self._code: Final = code
        self._address: Final = address
        self._cpus: Final = cpus
        self._gpus: Final = gpus
        self._retries: Final = retries
        self._cores: Final = cores

    def run(self, jobs: Sequence[Job], report: Report) -> Generator[Outcome, None, None]:
        """See `Engine.run`."""
        ray = self._connected()
        try:
            yield from self._results(ray, jobs, report)
        finally:
            # Ends the tasks of this plan, and a Ray of our own with all its processes.
            ray.shutdown()

    def _connected(self) -> Any:
        # Read when Ray is imported.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Its C++ part writes warnings to the terminal, whatever the loggers of Python are set to.
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "error")
        if find_spec("ray") is None:
            raise RayUnavailable("Ray is not installed", hint="pip install 'linegate[ray]'")
        if self._address is not None:
            _reach(self._address)
        import ray

        if ray.is_initialized():
            raise RayUnavailable("Ray is at work in this process already")
        own: dict[str, Any] = {
            "include_dashboard": False,
            "num_cpus": self._cores,
            "object_store_memory": OBJECTS_BYTES,
        }
        try:
            ray.init(
                # Not None: that would take a cluster of the environment's without a word.
                address=self._address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                namespace="linegate",
                **({} if self._address else own),
            )
        except (ConnectionError, TimeoutError, ValueError, RuntimeError, OSError) as error:
            told = " ".join(str(error).split())
            raise RayUnavailable(f"Ray cannot be used: {told[:300]}", hint="is --ray-address right?") from error
        return ray

    def _results(self, ray: Any, jobs: Sequence[Job], report: Report) -> Generator[Outcome, None, None]:
        board = ray.remote(num_cpus=0)(Board).remote()
        task = ray.remote(num_cpus=self._cpus, num_gpus=self._gpus, max_retries=self._retries)(make_and_store)
        store = ArtifactStore(self._store)
        waiting = {task.remote(self._task(job, store).model_dump_json(), board): job for job in jobs}
        while waiting:
            ready, _ = ray.wait(list(waiting), timeout=LOOK_S)
            for progressed in _heard(ray, board):
                report(progressed)
            for reference in ready:
                job = waiting.pop(reference)
                try:
                    outcome = OUTCOME.validate_json(ray.get(reference))
                except ray.exceptions.RayError as error:
                    outcome = Failed(version=job.version, reason=_in_a_line(error))
                yield _fetched(outcome, job, store)

    def _task(self, job: Job, store: ArtifactStore) -> RayTask:
        return RayTask(job=job, store=store.url, threads=self._cpus, retries=self._retries, code=self._code)


def _fetched(outcome: Outcome, job: Job, store: ArtifactStore) -> Outcome:
    """Report and card come from the store: what a task stored must be there for the plan's machine too."""
    if isinstance(outcome, Failed):
        return outcome
    digest = outcome.record.digest
    try:
        store.check(digest)
        job.out.mkdir(parents=True)
        names = set(store.names(digest))
        papers = {what: name for what, name in outcome.papers.items() if name in names}
        for name in papers.values():
            (job.out / name).write_bytes(store.read_named(digest, name))
    except (StoreError, OSError) as error:
        hint = "the artifact store must have the same address, and the same content, on every node and here"
        return Failed(version=job.version, reason=f"was made, but: {error}", hint=hint, seconds=outcome.seconds)
    return outcome.model_copy(update={"papers": papers})


def _heard(ray: Any, board: Any) -> list[Progressed]:
    """A board that died with its node costs the view of the stages, nothing else."""
    try:
        return [Progressed.model_validate_json(text) for text in ray.get(board.read.remote(), timeout=2 * LOOK_S)]
    except ray.exceptions.RayError:
        return []


def _reach(address: str) -> None:
    """Ray tries for minutes to reach an address where nobody is.

    Raises:
        RayUnavailable: nobody answers there.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except (OSError, OverflowError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise RayUnavailable(f"no Ray at {address}: {told}", hint="is --ray-address right?") from None


def _in_a_line(error: Exception) -> str:
    """Ray's errors have many lines, of which the first says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"Ray: {type(error).__name__}: {lines[0] if lines else ''}"[:300]
