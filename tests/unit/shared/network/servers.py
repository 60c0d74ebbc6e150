"""Real TCP servers that answer as they are told, however badly."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

Reply = Callable[[socket.socket], None]


class Server:
    """Listens on one address; keeps the head of every request it got.

    Args:
        reply: writes the answer, after the request's head was read; may go on until the client leaves.
        address: IP address to listen on.
        port: 0 for any.
        tls: to speak HTTPS.
    """

    def __init__(
        self, reply: Reply, address: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._reply, self._tls = reply, tls
        self._listener = socket.create_server(
            (address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET
        )
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[str] = []
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            head = b""
            while b"\r\n\r\n" not in head:
                received = connection.recv(65536)
                if not received:
                    return
                head += received
            self.requests.append(head.decode("latin-1"))
            self._reply(connection)
        connection.close()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)
        for connection in self._connections:
            connection.close()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> Reply:
    """An ordinary answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return lambda connection: connection.sendall(head.encode() + body)


def for_ever(start: bytes, again: bytes, *, every_s: float = 0.0) -> Reply:
    """`start`, and then `again` until the client leaves."""
    pause = threading.Event()

    def reply(connection: socket.socket) -> None:
        connection.sendall(start)
        while not pause.wait(every_s):
            connection.sendall(again)

    return reply


@contextmanager
def two_on_one_port(first: Reply, second: Reply) -> Iterator[tuple[Server, Server]]:
    """A server on 127.0.0.1 and another one on 127.0.0.2, at the same port: one name may lead to either."""
    with Server(first) as outside, Server(second, "127.0.0.2", outside.port) as inside:
        yield outside, inside
