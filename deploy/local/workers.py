"""Linegate's own processes on this machine, started as a line engineer would start them: `linegate serve ...`."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, Self

import httpx
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from deploy.local.access import local_access
from deploy.local.process import POLL_SECONDS, ServerFailedError, ServerProcess, free_port
from deploy.local.stack import LocalStack
from shared.bus.clients import open_admin
from shared.settings import load_settings

START_SECONDS: Final = 90.0
STEP_WORKERS: Final = ("crop", "score", "labels", "train", "alert", "archive")
"""Those that work in a consumer group."""
LINE_WORKERS: Final = ("gateway", "crop", "score")
"""What a line needs to be judged."""
PEOPLE_WORKERS: Final = ("labels", "rollout", "alert", "notify", "archive", "console")
"""What people need to see, be told of and answer what a line does."""
ALL_WORKERS: Final = (*LINE_WORKERS, *PEOPLE_WORKERS, "train")
"""A whole Linegate."""


class LocalWorkers:
    """Workers as separate processes, for the length of a `with` block. Each has a port for probes.

    Args:
        directory: receives one log file per worker.
        settings: what the workers are told by environment, e.g. `{"LINEGATE_GATEWAY__PORT": "8080"}`.
        bootstrap_servers: Kafka, to see when the workers have joined their groups.
        names: which workers to start; gateway, crop and score by default.
    """

    def __init__(
        self,
        directory: Path,
        *,
        settings: Mapping[str, str],
        bootstrap_servers: str,
        names: Sequence[str] = LINE_WORKERS,
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._bootstrap_servers = bootstrap_servers
        self._names = names
        self._exit = ExitStack()
        self.processes: dict[str, ServerProcess] = {}
        self.probes: dict[str, str] = {}
        """Where each answers `/healthz` and `/readyz`."""

    def __enter__(self) -> Self:
        """Start the workers and wait until each has its partitions.

        Raises:
            ServerFailedError: a worker ended, or did not join in time.
        """
        with ExitStack() as starting:
            ports = set[int]()
            while len(ports) < len(self._names):
                ports.add(free_port())
            for name, port in zip(self._names, ports, strict=True):
                settings = {**self._settings, "LINEGATE_PROBES__PORT": str(port)}
                process = ServerProcess(
                    f"linegate {name}",
                    command("serve", name),
                    log=self._directory / f"{name}.log",
                    settings=settings,
                )
                starting.callback(process.stop)
                self.processes[name] = process
                self.probes[name] = f"http://127.0.0.1:{port}"
            for name in self._names:
                if name not in STEP_WORKERS:
                    self.processes[name].wait_ready(partial(self._ready, name), timeout=START_SECONDS)
            self._wait_for_groups([name for name in self._names if name in STEP_WORKERS])
            self._exit = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them: each finishes its batch, commits and leaves its group."""
        self._exit.close()

    def check(self) -> None:
        """Raise ServerFailedError when a worker has ended by itself."""
        for name, process in self.processes.items():
            if not process.running:
                raise ServerFailedError(f"linegate {name} ended. Its log, {process.log}, ends:\n{process.tail()}")

    def _ready(self, name: str) -> bool:
        try:
            return httpx.get(f"{self.probes[name]}/readyz", timeout=5).is_success
        except httpx.TransportError:
            return False

    def _wait_for_groups(self, names: Sequence[str]) -> None:
        # A broker of ours, or a given one by this process's own settings of `bus.security`.
        admin = open_admin(load_settings().bus.model_copy(update={"bootstrap_servers": self._bootstrap_servers}))
        deadline = time.monotonic() + START_SECONDS
        while names and not _all_stable(admin, names):
            self.check()
            if time.monotonic() > deadline:
                raise ServerFailedError(f"workers {names} did not join their groups in {START_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)


def worker_settings(stack: LocalStack, folder: Path, *, port: int, console_port: int = 0) -> dict[str, str]:
    """The environment that points workers and commands at a local stack.

    Args:
        stack: running.
        folder: where the artifact store, the workers' caches and the key to the gateway go.
        port: the gateway's.
        console_port: the console's.

    Raises:
        LinegateError: the key cannot be written.
    """
    root = folder.resolve()
    access = local_access(root)
    return {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "REDIS_URL": stack.redis_url,
        "LINEGATE_STORE__URL": str(root / "store"),
        "LINEGATE_STORE__CACHE_DIR": str(root / "cache"),
        "LINEGATE_TRAINING__WORK_DIR": str(root / "training"),
        "LINEGATE_TRAINING__CACHE_DIR": str(root / "crops"),
        "LINEGATE_GATEWAY__PORT": str(port),
        "LINEGATE_CONSOLE__PORT": str(console_port),
        # Only where they are: the key itself would be seen by whoever lists the processes of this machine.
        "LINEGATE_AUTH__KEYS_FILE": str(access.keys_file),
        "LINEGATE_TOKEN_FILE": str(access.token_file),
        "LINEGATE_CONSOLE__SECRET_FILE": str(access.session_secret_file),
        # The same name after a restart: what a killed worker left open is settled at once, not after its time-out.
        "LINEGATE_BUS__INSTANCE": "local",
    }


def command(*arguments: str) -> list[str]:
    """The `linegate` command of this very installation."""
    return [sys.executable, "-m", "shared.cli", *arguments]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `settings` on top."""
    return {**os.environ, **settings}


def _all_stable(admin: AdminClient, groups: Sequence[str]) -> bool:
    described = admin.describe_consumer_groups(list(groups), request_timeout=10)
    results = [future.result() for future in described.values()]
    return all(
        group.state == ConsumerGroupState.STABLE
        and any(member.assignment and member.assignment.topic_partitions for member in group.members)
        for group in results
    )
