"""One HTTP exchange with a host that others named: guarded, without redirects, limited in size and in total time."""

import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import httpcore
import httpx

from shared.network.guard import NetworkGuard, TargetRefused, TargetUnreachable, UrlRefused

USER_AGENT: Final = "linegate"
_PIECE: Final = 64 * 1024
"""Bytes sent between two looks at the deadline."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of a header sent twice, the last."""
    body: bytes
    """As it came over the wire, never unpacked: at most one byte more than the limit, which tells that it is longer."""


def request(
    method: str,
    url: str,
    *,
    guard: NetworkGuard,
    limit: int,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> Answer:
    """Send one request and read its answer.

    The connection is made to an address that the guard let through, while `Host`, SNI and the certificate's check keep
    the name. Redirects are answers like any other. No proxy is used, whatever the environment says: a proxy would look
    the name up again, beyond the guard. The server's headers are limited to 100 KiB (h11).

    Args:
        method: e.g. `GET`.
        url: absolute, `http` or `https`.
        guard: says which machines may be reached.
        limit: most bytes of the answer's body to read.
        timeout_s: for everything together, from the name's look-up to the last byte.
        headers: more headers.
        content: the body to send.

    Raises:
        UrlRefused: the URL is none that we fetch.
        TargetRefused: it leads where it may not lead.
        TargetUnreachable: there is no answer, not in time, or none in HTTP.
    """
    target = _parsed(url)
    fields = {
        "Host": target.netloc.decode("ascii"),
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "User-Agent": USER_AGENT,
        "Connection": "close",
        **({} if content is None else {"Content-Length": str(len(content))}),
        **(headers or {}),
    }
    backend = _GuardedBackend(guard, time.monotonic() + timeout_s)
    try:
        with (
            httpcore.ConnectionPool(ssl_context=_ssl_context(), network_backend=backend) as pool,
            pool.stream(
                method,
                httpcore.URL(scheme=target.scheme, host=target.raw_host, port=target.port, target=target.raw_path),
                headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in fields.items()],
                content=content,
            ) as response,
        ):
            body = bytearray()
            for chunk in response.iter_stream():
                body += chunk
                if len(body) > limit:
                    break
            told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return Answer(response.status, told, bytes(body[: limit + 1]))
    except httpcore.LocalProtocolError as error:
        raise UrlRefused(f"{url!r} cannot be asked for: {error}") from None
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise TargetUnreachable(f"{fields['Host']} cannot be reached: {str(error) or type(error).__name__}") from None


def _parsed(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise UrlRefused(f"{url!r} is no URL: {error}") from None
    if target.scheme not in ("http", "https") or not target.host:
        raise UrlRefused(f"{url!r} is no http or https URL")
    if target.port is not None and target.port > 65_535:
        # The socket would take it modulo 65536.
        raise UrlRefused(f"{url!r} is no URL: there is no port {target.port}")
    if target.userinfo:
        raise UrlRefused("a URL may not hold a user name or password")
    return target


@cache
def _ssl_context() -> ssl.SSLContext:
    """The one that httpx makes: certifi's authorities, or those that SSL_CERT_FILE or SSL_CERT_DIR names."""
    return httpx.create_ssl_context()


class _GuardedBackend(httpcore.SyncBackend):
    """Opens connections to guarded addresses only, and none that outlives the deadline (monotonic seconds)."""

    def __init__(self, guard: NetworkGuard, deadline: float) -> None:
        self._guard = guard
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline is the limit
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that the guard allows and that answers."""
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._guard.addresses(host, timeout_s=self._left(httpcore.ConnectTimeout)):
            try:
                stream = super().connect_tcp(
                    address, port, self._left(httpcore.ConnectTimeout), local_address, socket_options
                )
            except httpcore.ConnectError as error:
                failure = error
            else:
                return _DeadlineStream(stream, self._left)
        raise failure

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002 - the library's signature
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.NetworkStream:
        """Never."""
        raise TargetRefused(f"{path} is no host")

    def _left(self, late: type[Exception]) -> float:
        """Seconds left; raises `late` when there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise late("the time limit is over")
        return left


class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose every operation gets what is left of the time: a byte now and then does not prolong it."""

    def __init__(self, stream: httpcore.NetworkStream, left: Callable[[type[Exception]], float]) -> None:
        self._stream = stream
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline is the limit
        """Read what is there."""
        return self._stream.read(max_bytes, self._left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - likewise
        """Write everything, in pieces, so that the deadline is looked at between them."""
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], self._left(httpcore.WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.NetworkStream:
        """The same connection, encrypted, for the name in the URL."""
        secured = self._stream.start_tls(ssl_context, server_hostname, self._left(httpcore.ConnectTimeout))
        return _DeadlineStream(secured, self._left)

    def get_extra_info(self, info: str) -> Any:
        """What the library wants to know of the connection."""
        return self._stream.get_extra_info(info)
