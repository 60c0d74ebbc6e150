"""An HTTP server on a thread of its own: listening, served by uvicorn, and ended in order."""

import socket
import threading
import time
from types import TracebackType
from typing import Final, Self

import uvicorn
from starlette.types import ASGIApp

from shared.errors import LinegateError

BACKLOG: Final = 256
"""Connections that may wait to be accepted."""
BEAT_SECONDS: Final = 1


class HttpServer:
    """Listens from the start, serves within a `with` block.

    Args:
        app: what it serves.
        host: address to listen on.
        port: likewise; 0 picks a free one.
        section: of the settings, which names both in messages.
        grace_s: seconds for requests under way at the end.

    Raises:
        LinegateError: the address cannot be listened on.
    """

    def __init__(self, app: ASGIApp, *, host: str, port: int, section: str, grace_s: int) -> None:
        self._listener: Final = listen(host, port, section)
        self._server: Final = uvicorn.Server(
            uvicorn.Config(
                app,
                http="h11",  # the parser that bounds the size of headers, whichever others are installed
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=grace_s,
                callback_notify=self._beat,
                timeout_notify=BEAT_SECONDS,
            )
        )
        # Not in the main thread, where uvicorn would take over the signals that are ours.
        self._thread: Final = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name=f"{section} http", daemon=True
        )
        self._beat_at = time.monotonic()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._listener.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def running(self) -> bool:
        """Whether it serves."""
        return self._thread.is_alive()

    @property
    def beat_age_s(self) -> float:
        """Seconds since its event loop last went round; about a second at most while all is well."""
        return time.monotonic() - self._beat_at

    def __enter__(self) -> Self:
        self._beat_at = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    async def _beat(self) -> None:
        self._beat_at = time.monotonic()


def listen(host: str, port: int, section: str) -> socket.socket:
    """A listening socket.

    Raises:
        LinegateError: the address cannot be listened on.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # Named TCP, because asyncio turns Nagle's algorithm off only where it knows the protocol: 40 ms per answer.
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise LinegateError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            hint=f"is the port taken, or the host not one of ours? {section}.host and {section}.port set them",
        ) from None
    return listener
