"""An echo worker in a process of its own, to be killed.

`python -m tests.integration.bus.chaos_worker SERVERS NAME INSTANCE` prints one line per batch that its step has seen,
so that a test knows when it is in the midst of work.
"""

import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from shared.bus.step import Result
from tests.integration.bus.support import Scope


def main() -> int:
    """Run until SIGTERM."""
    servers, name, instance = sys.argv[1:]
    scope = Scope(servers, name=name, instance=instance)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def slow_echo(batch: Sequence[Any]) -> list[Result]:
        sys.stdout.write(f"batch {len(batch)}\n")
        sys.stdout.flush()
        time.sleep(0.01)
        return scope.echo(batch)

    return scope.worker(slow_echo).run(stop)


if __name__ == "__main__":
    sys.exit(main())
