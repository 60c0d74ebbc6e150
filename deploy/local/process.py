"""A server process of ours: started with a log file, ready by asking it, ended without a trace."""

import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from deploy.local import guard
from shared.errors import LinegateError

POLL_SECONDS: Final = 0.05
PORTS: Final = range(20_000, 32_000)
"""Below Linux's ephemeral range, so that no outgoing connection takes a port between our look and the server's bind."""


class ServerFailedError(LinegateError):
    """A server ended by itself or did not become ready; the message ends with the tail of its log."""


class ServerProcess:
    """One child program under the guard, which ends it even when this process is killed.

    Args:
        name: for messages.
        command: program and arguments.
        log: file that takes its output (appended).
        grace: seconds between SIGTERM and SIGKILL when stopping.
    """

    def __init__(self, name: str, command: Sequence[str], *, log: Path, grace: float = 10.0) -> None:
        self.name = name
        self.log = log
        self._command = tuple(command)
        self._grace = grace
        self.start_again()

    def start_again(self) -> None:
        """Start the program anew, once it has ended.

        Raises:
            ServerFailedError: it cannot be started.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal reaches us, and we end the server in order.
            self._guard = subprocess.Popen(  # noqa: S603 - our own interpreter and our own command
                [sys.executable, "-S", guard.__file__, str(self._grace), *self._command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            )
        line = self._guard.stdout.readline() if self._guard.stdout else b""
        if not line.strip():
            self.stop()
            raise ServerFailedError(f"{self.name} did not start: {self.tail()}")
        self.pid = int(line)
        """Process id of the program itself (not of its guard)."""

    @property
    def running(self) -> bool:
        """Whether the program still runs."""
        return self._guard.poll() is None

    def wait_ready(self, ready: Callable[[], bool], *, timeout: float) -> None:
        """Ask `ready` until it says yes.

        Raises:
            ServerFailedError: the program ended, or `timeout` seconds passed; it is stopped then.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.running:
                self.stop()
                raise ServerFailedError(f"{self.name} ended while starting. Its log, {self.log}, ends:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise ServerFailedError(
                    f"{self.name} was not ready in {timeout:.0f} s. {self.log} ends:\n{self.tail()}"
                )
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after the grace; returns when the program is gone. Harmless when it already is."""
        if self._guard.stdin and not self._guard.stdin.closed:
            self._guard.stdin.close()
        try:
            self._guard.wait(self._grace + 5)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        if self._guard.stdout:
            self._guard.stdout.close()

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerFailedError(f"no free port between {PORTS.start} and {PORTS.stop}")
