"""What a Ray task does on its node: fit as everywhere, and put what was made into the artifact store."""

import tempfile
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from pydantic import TypeAdapter

from shared.errors import LinegateError
from shared.events.base import Model
from shared.settings import load_settings
from shared.store import ArtifactStore, StoreUnavailable
from training.code_version import code_version
from training.many.engine import Failed, Job, Outcome, Progressed
from training.many.local import LocalEngine
from training.order import Made
from training.publish import store_version

TELL_S: Final = 0.5
"""Least time between two words on a job."""
PAUSES_S: Final = (2.0, 10.0)
"""Between attempts to store what took minutes to make."""
OUTCOME: Final[TypeAdapter[Outcome]] = TypeAdapter(Outcome)


class NodeUnfit(LinegateError):
    """This node cannot make what the plan wants."""


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
        raise NodeUnfit(f"this node has Linegate {here}, the plan's machine has {task.code}")
    if not job.data.exists():
        raise NodeUnfit(
            f"{job.data} does not exist on this node", hint="the data must lie under the same path on every node"
        )
    store = ArtifactStore(load_settings().store.model_copy(update={"url": task.store}))
    told = [-TELL_S]

    def tell(progressed: Progressed) -> None:
        if monotonic() - told[0] > TELL_S:
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
