"""A server process of ours: started with a log file, ready by asking it, ended without a trace."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final, Self

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
        settings: added to the environment. Never in the command: whoever lists the machine's processes sees that.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        grace: float = 10.0,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._environment = {**os.environ, **(settings or {})}
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
                env=self._environment,
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


class LocalServer(ABC):
    """A server of ours with its data in `directory`; may be stopped, killed and started again on the same data.

    Args:
        directory: receives configuration, data and log; data already there is used again.
    """

    NAME: ClassVar[str]
    START_SECONDS: ClassVar[float]
    GRACE_SECONDS: ClassVar[float] = 10.0

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self._process: ServerProcess | None = None

    @property
    @abstractmethod
    def log(self) -> Path:
        """The server's log file."""

    @property
    def pid(self) -> int:
        """Process id of the server itself.

        Raises:
            ServerFailedError: it was not started.
        """
        if self._process is None:
            raise ServerFailedError(f"{self.NAME} is not running")
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            ServerFailedError: it ended or did not answer in time; the message carries the end of its log.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self._process = ServerProcess(self.NAME, self._prepare(), log=self.log, grace=self.GRACE_SECONDS)
        self._process.wait_ready(self._answers, timeout=self.START_SECONDS)

    def stop(self) -> None:
        """Shut down in order."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End it at once, as a power cut would (SIGKILL); `start` may follow."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self) -> Sequence[str]:
        """Write what the server reads when it starts; answers its command line."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it serves."""


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
