"""The engine of a Ray cluster, or of a Ray of our own on this machine: Ray says where, the local engine does it there.

A task fits in a process of its own as everywhere, and puts the files into the artifact store itself: only its record
comes back through Ray. Ray's workers hold neither the signing key nor the registry's password of the plan's machine.
What goes to them is JSON. Ray itself pickles, and by default trusts whoever reaches its ports: docs/train-many.md.
"""

import logging
import os
import tempfile
from collections.abc import Generator, Sequence
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from pydantic import TypeAdapter

from shared.errors import LinegateError
from shared.events.base import Model
from shared.settings import load_settings
from shared.settings.sections import StoreSettings
from shared.store import ArtifactStore, StoreError, StoreUnavailable
from training.code_version import code_version
from training.many.engine import Failed, Job, Outcome, Progressed, Report
from training.many.local import LocalEngine
from training.order import Made
from training.publish import store_version

OBJECTS_BYTES: Final = 100_000_000
"""Ray's own memory for results on this machine: they are records of a few kilobytes."""
LOOK_S: Final = 0.5
PAUSES_S: Final = (2.0, 10.0)
"""Between attempts to store what took minutes to make."""
OUTCOME: Final[TypeAdapter[Outcome]] = TypeAdapter(Outcome)


class RayUnavailable(LinegateError):
    """Ray is not installed, or cannot be reached."""


class RayTask(Model):
    """What goes to a node."""

    job: Job
    """Its folder is of another machine."""
    store: str
    """URL of the artifact store; the node's own environment has what it takes to log in there."""
    threads: int
    retries: int
    """Where the process dies, but not its node."""
    code: str
    """The version of Linegate that the plan's machine has."""


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
        if find_spec("ray") is None:
            raise RayUnavailable("Ray is not installed", hint="pip install 'linegate[ray]'")
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


class Board:
    """An actor: keeps the last word on each job until it is read."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def tell(self, version: str, said: str) -> None:
        """How far a job is, as JSON."""
        self._said[version] = said

    def read(self) -> list[str]:
        """What is new."""
        said, self._said = list(self._said.values()), {}
        return said


def make_and_store(text: str, board: Any) -> str:
    """The task, on a node.

    Args:
        text: a `RayTask` as JSON.
        board: a handle of `Board`.

    Returns:
        The outcome, as JSON.
    """
    task = RayTask.model_validate_json(text)
    begun = monotonic()
    try:
        return _made(task, board).model_dump_json()
    except LinegateError as error:
        reason, hint = str(error), error.hint
    except Exception as error:  # noqa: BLE001 - an error of a class that the plan's machine cannot read is no outcome
        reason, hint = f"{type(error).__name__}: {' '.join(str(error).split())}", None
    seconds = monotonic() - begun
    return Failed(version=task.job.version, reason=reason, hint=hint, seconds=seconds).model_dump_json()


def _made(task: RayTask, board: Any) -> Outcome:
    job = task.job
    if (here := code_version()) != task.code:
        raise RayUnavailable(f"this node has Linegate {here}, the plan's machine has {task.code}")
    if not job.data.exists():
        hint = "the data must lie under the same path on every node"
        return Failed(version=job.version, reason=f"{job.data} does not exist on this node", hint=hint)
    store = ArtifactStore(load_settings().store.model_copy(update={"url": task.store}))
    told = [-LOOK_S]

    def tell(progressed: Progressed) -> None:
        if monotonic() - told[0] > LOOK_S:
            told[0] = monotonic()
            board.tell.remote(job.version, progressed.model_dump_json())

    with tempfile.TemporaryDirectory(prefix="linegate-many-") as folder:
        out = Path(folder) / "made"
        engine = LocalEngine(reference=store.fetch, threads=task.threads, retries=task.retries)
        (outcome,) = engine.run([job.model_copy(update={"out": out})], tell)
        if isinstance(outcome, Failed):
            return outcome
        _store(outcome.made(out), store)
    return outcome.model_copy(update={"bundle": None})


def _store(made: Made | None, store: ArtifactStore) -> None:
    """With patience: it took minutes to make."""
    for pause in (*PAUSES_S, None):
        try:
            if made is not None:
                store_version(made, store)
        except StoreUnavailable:
            if pause is None:
                raise
            sleep(pause)
        else:
            return


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


def _in_a_line(error: Exception) -> str:
    """Ray's errors have many lines, of which the first says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"Ray: {type(error).__name__}: {lines[0] if lines else ''}"[:300]
