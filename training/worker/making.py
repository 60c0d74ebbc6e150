"""Have a version made in a process of its own, as long as its job is ours and wanted."""

import shutil
import threading
from pathlib import Path
from typing import Final

from shared.errors import LinegateError
from shared.events import TrainingRequest
from shared.registry.errors import RegistryUnavailable
from shared.settings import Settings
from shared.store import StoreUnavailable
from training.order import Made, Means, Order
from training.publish import Reference, reference_of
from training.worker.accept import located, place_of, version_of
from training.worker.ends import AttemptFailed, Refusal, Stopping
from training.worker.fitting import Fitting, FittingDied
from training.worker.heart import Heart
from training.worker.task import Finished, FitTask, Progressed
from training.worker.telling import Telling

LOOK_S: Final = 0.5
"""How long the worker waits for a word before it looks whether the job is still wanted."""


def fit_task(request: TrainingRequest, reference: Reference, out: Path, settings: Settings) -> FitTask:
    """What the process is told.

    Args:
        request: what is wanted.
        reference: what its crops are registered to.
        out: folder of this attempt; made here.
        settings: of the worker.

    Raises:
        Refusal: the data lie where this trainer may not read.
        AttemptFailed: the folder cannot be written.
    """
    try:
        data = located(request.data, settings.training.data_roots)
        place = place_of(request)
    except LinegateError as error:
        raise Refusal(str(error), hint=error.hint) from error
    kept = out / "reference"
    try:
        # Whatever earlier attempts left beside it is of no use to anybody.
        shutil.rmtree(out.parent, ignore_errors=True)
        out.mkdir(parents=True)
        if isinstance(reference, bytes):
            kept.write_bytes(reference)
    except OSError as error:
        raise AttemptFailed(f"cannot write to {settings.training.work_dir}: {error.strerror}") from error
    order = Order(
        version=version_of(request),
        spec=request.spec,
        place=place,
        parent=request.parent,
        job=request.job,
        author=request.author,
        note=request.note,
    )
    means = Means(
        limits=settings.images,
        detector=settings.crop.weights,
        cache=settings.training.cache_dir,
        device=settings.training.device,
    )
    return FitTask(
        order=order,
        data=data,
        roots=settings.training.data_roots,
        out=out / "made",
        means=means,
        reference=kept if isinstance(reference, bytes) else reference,
        threads=settings.training.threads,
    )


def reference_for(request: TrainingRequest, settings: Settings) -> Reference:
    """What the crops are registered to.

    Raises:
        Refusal: there is no such reference.
        RegistryUnavailable, StoreUnavailable: Redis or the store does not answer.
    """
    try:
        return reference_of(request.spec, place_of(request), settings)
    except (RegistryUnavailable, StoreUnavailable):
        raise
    except LinegateError as error:
        raise Refusal(str(error), hint=error.hint) from error


def fitted(task: FitTask, printed: Path, *, heart: Heart, telling: Telling, stop: threading.Event) -> Made:
    """Run the task to its end.

    Args:
        task: see `fit_task`.
        printed: file that takes what the process prints.
        heart: of the job.
        telling: told how far it is.
        stop: set when the worker is to end.

    Raises:
        Refusal: it cannot be made.
        AttemptFailed: the process died, or this machine lacks something at this moment.
        LeaseLost, JobCancelled: the job is another's, or wanted no longer.
        Stopping: the worker is to end.
    """
    try:
        with Fitting(task, printed) as fitting:
            while True:
                heart.look()
                if stop.is_set():
                    raise Stopping("its worker was stopped")
                word = fitting.next(LOOK_S)
                match word:
                    case None:
                        continue
                    case Progressed():
                        telling.progress(word)
                    case Finished():
                        return word.made
                    case _ if word.again:
                        raise AttemptFailed(word.reason)
                    case _:
                        raise Refusal(word.reason, hint=word.hint)
    except FittingDied as died:
        raise AttemptFailed(str(died)) from died
    except OSError as error:
        raise AttemptFailed(f"the fitting process cannot be started: {error.strerror}") from error
