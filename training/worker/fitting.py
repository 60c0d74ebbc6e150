"""The worker's end of the process that fits."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import ValidationError

from shared.errors import LinegateError
from training.worker.task import WORD, FitTask, Word

END_SECONDS: Final = 30.0
TAIL: Final = 2000
"""Bytes of the log's end that are told."""


class FittingDied(LinegateError):
    """The process ended without saying what became of its task."""


class Fitting:
    """Runs a task in a process of its own for the length of a `with` block; at the end of the block it is gone.

    Args:
        task: what is to be made.
        log: file that takes whatever the process prints.

    Raises:
        OSError: the process or its log cannot be made.
    """

    def __init__(self, task: FitTask, log: Path) -> None:
        self._task: Final = task
        self._log: Final = log
        self._words: Final[queue.SimpleQueue[Word | None]] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "training.worker.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=without_secrets(os.environ),
                # Ctrl-C in the terminal reaches the worker, which ends this in order.
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, name="fitting", daemon=True)
        self._reader.start()
        stdin = self._process.stdin
        if stdin is not None:
            try:
                stdin.write(self._task.model_dump_json().encode() + b"\n")
                stdin.flush()
            except BrokenPipeError:
                pass  # it is dead already: `next` tells
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait(END_SECONDS)
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def next(self, seconds: float) -> Word | None:
        """The next word, or None where none came in time.

        Raises:
            FittingDied: it ended, and will say no more.
        """
        try:
            word = self._words.get(timeout=seconds)
        except queue.Empty:
            return None
        if word is None:
            raise FittingDied(self._end())
        return word

    def _read(self) -> None:
        for line in self._process.stdout or ():
            try:
                self._words.put(WORD.validate_json(line))
            except ValidationError:
                break  # killed in the middle of a word
        self._words.put(None)

    def _end(self) -> str:
        code = self._process.wait(END_SECONDS)
        last = _last_line(self._log)
        if code < 0:
            name = signal.Signals(-code).name
            memory = ": out of memory?" if code == -signal.SIGKILL else ""
            return f"the fitting process was ended by {name}{memory}{last}"
        return f"the fitting process ended with status {code}{last}"


def without_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment without Linegate's own settings: the task says all that is needed, and they may be secret."""
    own = ("REDIS_URL", "LINEGATE_TOKEN", "LINEGATE_TOKEN_FILE", "LINEGATE_CONFIG")
    return {
        name: value
        for name, value in variables.items()
        if name not in own and not (name.upper().startswith("LINEGATE_") and "__" in name)
    }


def _last_line(log: Path) -> str:
    try:
        text = log.read_bytes()[-TAIL:].decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f" ({lines[-1]})" if lines else ""
