"""Ends this process when the one that started it is gone, however that one died: what it makes is of no use then."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG: Final = 1
ORPHANED: Final = 75
"""Exit status."""


def hang_on(pipe: int) -> None:
    """Live no longer than who holds the other end of `pipe`, and die before it where memory runs out.

    Args:
        pipe: file descriptor of a pipe that nobody writes to any more; closed, it means the end.
    """
    if sys.platform == "linux":
        # For code that holds Python's lock for long. Tells of the thread that started us: it waits for our end.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")

    def watch() -> None:
        while os.read(pipe, 64):
            pass
        os._exit(ORPHANED)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
