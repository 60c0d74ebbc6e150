"""The workers of a plant group as processes: two that score, started again when they end, as a cluster would."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import httpx

from deploy.local.process import ServerProcess, free_port
from deploy.local.supervisor import Supervisor
from deploy.local.workers import command, environment

WORKERS: Final[Mapping[str, str]] = {
    "crop": "crop",
    "score-a": "score",
    "score-b": "score",
    "rollout": "rollout",
    "train": "train",
}
"""Name -> which `linegate serve`."""
START_S: Final = 120.0


class Fleet:
    """Running workers, for the length of a `with` block.

    Args:
        folder: for logs and for each worker's own cache.
        settings: environment of all.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self.processes: dict[str, ServerProcess] = {}
        self.told: list[str] = []

    def __enter__(self) -> Self:
        ports = {name: free_port() for name in WORKERS}
        for name, kind in WORKERS.items():
            own = {
                "LINEGATE_BUS__INSTANCE": name,
                "LINEGATE_STORE__CACHE_DIR": str(self._folder / "cache" / name),
                "LINEGATE_PROBES__PORT": str(ports[name]),
            }
            log = self._folder / "logs" / f"{name}.log"
            told = {**self._settings, **own}
            self.processes[name] = ServerProcess(name, command("serve", kind), log=log, settings=told)
        try:
            for name, process in self.processes.items():
                url = f"http://127.0.0.1:{ports[name]}/readyz"
                process.wait_ready(lambda url=url: _is_ready(url), timeout=START_S)  # type: ignore[misc]
        except BaseException:
            self._end()
            raise
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        self._end()

    def kill(self, name: str) -> None:
        """SIGKILL; the supervisor starts it again."""
        os.kill(self.processes[name].pid, signal.SIGKILL)

    def run(self, *words: str, status: int = 0) -> str:
        """`linegate WORDS` by a person; answers what it said."""
        done = subprocess.run(
            command(*words),
            env=environment(self._settings) | {"COLUMNS": "200", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == status, f"linegate {' '.join(words)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def _supervise(self) -> None:
        supervisor = Supervisor(self.processes, told=self.told.append)
        while not self._stop.wait(0.5):
            supervisor.look()

    def _end(self) -> None:
        for process in self.processes.values():
            process.stop()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False
