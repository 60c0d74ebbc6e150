"""The process that fits: `python -m training.worker.child`, with a task on its standard input and words on its output.

It knows neither Kafka nor Redis nor the store. Its input stays open as long as its worker lives.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from shared.errors import LinegateError
from training.data.source import open_data
from training.worker.accept import check_data
from training.worker.lifeline import hang_on
from training.worker.task import Finished, FitTask, Progressed, Refused, Word


def main() -> int:
    """Make one version; the exit status is 0 where it said what became of it."""
    tell = _speaker()
    line = sys.stdin.buffer.readline()
    hang_on(0)
    task = FitTask.model_validate_json(line)
    try:
        tell(_made(task, tell))
    except LinegateError as error:
        tell(Refused(reason=str(error), hint=error.hint))
    except (MemoryError, OSError, RuntimeError) as error:
        # Of this machine at this moment: memory, the GPU, a disk.
        tell(Refused(reason=_told(error), again=True))
    except Exception as error:  # noqa: BLE001 - the same data would raise it again
        tell(Refused(reason=_told(error), hint="this may be a bug of Linegate; `linegate train fit` shows more"))
    return 0


def _made(task: FitTask, tell: Callable[[Word], None]) -> Finished:
    # Bad data are told before torch is loaded, which takes seconds.
    data = open_data(task.data)
    check_data(data, task.roots)
    if task.threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(task.threads)
    import torch

    from training.make_version import make_version

    if task.threads is not None:
        torch.set_num_threads(task.threads)
    reference = task.reference.read_bytes() if isinstance(task.reference, Path) else task.reference
    made, _ = make_version(
        task.order,
        data,
        task.out,
        means=task.means,
        reference=reference,
        progress=lambda stage, done, total: tell(Progressed(stage=stage, done=done, total=total)),
    )
    return Finished(made=made)


def _speaker() -> Callable[[Word], None]:
    """Says words on what was standard output; whatever else is printed there goes to the log from now on."""
    words = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(word: Word) -> None:
        words.write(word.model_dump_json() + "\n")
        words.flush()

    return tell


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


if __name__ == "__main__":
    sys.exit(main())
