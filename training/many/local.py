"""The engine of this machine: a process for each version, one after the other or some at a time."""

import os
import shutil
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final, Literal

from shared.errors import LinegateError
from training.many.engine import Done, Failed, Job, Outcome, Progressed, Report
from training.order import Made
from training.worker.fitting import Fitting, FittingDied
from training.worker.task import Finished, FitTask, Refused
from training.worker.task import Progressed as Word

LOOK_S: Final = 0.1
"""How long one process is listened to while others may have something to say."""
ANYWHERE: Final = (Path("/"),)
"""Who writes a plan may read what they may read."""


@dataclass(slots=True)
class _Running:
    """A job at work."""

    job: Job
    fitting: Fitting
    started: float
    attempt: int
    stack: ExitStack = field(default_factory=ExitStack)


class LocalEngine:
    """Runs each job in a process of its own, which ends with this one, however this one ends.

    Args:
        reference: the file of a reference, by its sha256.
        workers: jobs at a time.
        threads: of each; None: as many as there are cores for it.
        retries: how often a job is begun again whose process died.
    """

    def __init__(
        self, *, reference: Callable[[str], Path], workers: int = 1, threads: int | None = None, retries: int = 1
    ) -> None:
        self._workers: Final = workers
        self._retries: Final = retries
        self._reference: Final = reference
        self._threads: Final = threads or max(1, len(os.sched_getaffinity(0)) // workers)

    def run(self, jobs: Sequence[Job], report: Report) -> Generator[Outcome, None, None]:
        """See `Engine.run`."""
        waiting = deque((job, 1) for job in jobs)
        running: list[_Running] = []
        try:
            while waiting or running:
                while waiting and len(running) < self._workers:
                    job, attempt = waiting.popleft()
                    try:
                        running.append(self._start(job, attempt))
                        report(Progressed(version=job.version, stage="start"))
                    except (OSError, LinegateError) as error:
                        yield Failed(version=job.version, reason=f"cannot be begun: {error}")
                for one in list(running):
                    outcome = self._look(one, report, LOOK_S / len(running))
                    if outcome is None:
                        continue
                    running.remove(one)
                    one.stack.close()
                    if outcome == "again":
                        waiting.appendleft((one.job, one.attempt + 1))
                    else:
                        yield outcome
        finally:
            for one in running:
                one.stack.close()

    def _start(self, job: Job, attempt: int) -> _Running:
        shutil.rmtree(job.out, ignore_errors=True)
        reference = job.reference
        task = FitTask(
            order=job.order,
            data=job.data.resolve(),
            roots=ANYWHERE,
            out=job.out,
            means=job.means,
            reference=self._reference(reference) if reference not in ("learn", None) else reference,
            threads=self._threads,
        )
        fitting = Fitting(task, log_of(job))
        running = _Running(job, fitting, monotonic(), attempt)
        running.stack.enter_context(fitting)
        return running

    def _look(self, one: _Running, report: Report, seconds: float) -> Outcome | Literal["again"] | None:
        """What became of it; `again` where another attempt may end otherwise, None where it goes on."""
        version = one.job.version
        took = monotonic() - one.started
        try:
            word = one.fitting.next(seconds)
        except FittingDied as died:
            again = one.attempt <= self._retries
            return "again" if again else Failed(version=version, reason=str(died), seconds=took)
        match word:
            case Word():
                report(Progressed(version=version, stage=word.stage, done=word.done, total=word.total))
            case Finished():
                log_of(one.job).unlink(missing_ok=True)
                return _done(word.made, took)
            case Refused():
                if word.again and one.attempt <= self._retries:
                    return "again"
                return Failed(version=version, reason=word.reason, hint=word.hint, seconds=took)
        return None


def _done(made: Made, seconds: float) -> Done:
    return Done(
        version=made.record.version,
        record=made.record,
        bundle=made.bundle.name,
        papers={what: path.name for what, path in made.papers.items()},
        warnings=made.warnings,
        seconds=seconds,
    )


def log_of(job: Job) -> Path:
    """What the job's process prints; it stays where the job failed."""
    return job.out.with_name(f".{job.version}.log")
