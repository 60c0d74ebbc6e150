"""The connection to Redis: TLS, user and password; and what to do where it fails, in one line."""

import re
import ssl
from types import TracebackType
from typing import Any, Final, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.settings.load import SettingsRejected
from shared.settings.sections import RedisSettings

_REMEDIES: Final = (
    (
        "certificate verify failed",
        "redis.ca_file must hold the CA of the server's certificate, and redis.url name the host as that does",
    ),
    (
        "alert.*certificate|certificate.*alert",
        "the server wants a certificate from a CA that it trusts: redis.certificate_file and key_file",
    ),
    (
        "(?i)wrong.version.number|record layer failure",
        "the server does not speak TLS on that port: redis:// instead of rediss://, or another port",
    ),
    (
        "(?i)connection closed by server|connection reset",
        "does the server speak TLS on that port? then redis.url must begin with rediss://",
    ),
)
"""By what OpenSSL and the client library say."""


class Connected:
    """Something behind one Redis URL; a context manager that closes the connections. Thread-safe.

    Args:
        settings: where Redis is.
        timeout_s: see `connect`.

    Raises:
        SettingsRejected: the URL is no Redis URL.
    """

    def __init__(self, settings: RedisSettings, *, timeout_s: float | None = None) -> None:
        self._redis: Final = connect(settings, timeout_s=timeout_s)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def connect(settings: RedisSettings, *, timeout_s: float | None = None) -> redis.Redis:
    """A client, which connects when it is first asked something. Thread-safe.

    With `rediss://` the server's certificate and name are verified, and TLS is 1.2 or later.

    Args:
        settings: where Redis is, and who we are to it.
        timeout_s: limit on every connect and every answer; the settings' own by default.

    Raises:
        SettingsRejected: the URL is no Redis URL.
    """
    url = settings.url.get_secret_value()
    limit = settings.timeout_s if timeout_s is None else timeout_s
    options: dict[str, Any] = {
        "decode_responses": True,
        "protocol": 2,
        "socket_timeout": limit,
        "socket_connect_timeout": limit,
        # Nothing is retried behind our back: a change sent twice would meet its own first effect as a conflict.
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        # No CLIENT SETINFO: one command less that a user must be allowed.
        "driver_info": None,
    }
    if settings.password is not None:
        options |= {"username": settings.username, "password": settings.password.get_secret_value()}
    if url.startswith("rediss://"):
        options |= {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
            "ssl_min_version": ssl.TLSVersion.TLSv1_2,
            "ssl_ca_certs": _text(settings.ca_file),
            "ssl_certfile": _text(settings.certificate_file),
            "ssl_keyfile": _text(settings.key_file),
            "ssl_password": settings.key_password.get_secret_value() if settings.key_password else None,
        }
    try:
        return redis.Redis.from_url(url, **options)
    except ValueError as error:
        raise SettingsRejected(f"redis.url: {error}") from None


def remedy(error: redis.RedisError) -> str:
    """What a person can do about a failure of Redis."""
    if isinstance(error, redis.AuthenticationError | redis.exceptions.AuthorizationError):
        return "check redis.username and its password (redis.password, password_file, or in redis.url)"
    if isinstance(error, redis.exceptions.NoPermissionError):
        return "`linegate acl redis` prints the rights that each service needs"
    told = str(error)
    return next((hint for words, hint in _REMEDIES if re.search(words, told)), "redis.url (REDIS_URL) says where it is")


def _text(path: object) -> str | None:
    return None if path is None else str(path)
