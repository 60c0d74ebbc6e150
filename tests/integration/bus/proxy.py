"""A TCP proxy before a broker that swallows the answer to one kind of request: how an outcome becomes unknown."""

import contextlib
import socket
import struct
import threading
from typing import Final, Self

END_TXN: Final = 26
"""Kafka's number for EndTxn, the request that commits or aborts a transaction."""


class AnswerSwallower:
    """Passes everything on until it is armed; then it passes the next request of that kind on, and no answer after it.

    Healed, it drops the connections on which answers are missing; clients connect anew.

    Args:
        broker_port: on 127.0.0.1.
        port: to listen on.
    """

    def __init__(self, broker_port: int, port: int) -> None:
        self._broker_port: Final = broker_port
        self._listener: Final = socket.create_server(("127.0.0.1", port))
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._armed: int | None = None
        self._mute = False
        self.swallowed = threading.Event()
        """Set once the request went through and its answer did not."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._drop()

    def arm(self, api_key: int) -> None:
        """Swallow the answer to the next request of this kind, and every answer after it until `heal`."""
        self.swallowed.clear()
        self._armed = api_key

    def heal(self) -> None:
        """Answer again."""
        self._armed, self._mute = None, False
        self._drop()

    def _drop(self) -> None:
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    broker = socket.create_connection(("127.0.0.1", self._broker_port))
                except ConnectionError:  # not up yet, or not any more
                    client.close()
                    continue
                with self._lock:
                    self._open += [client, broker]
                threading.Thread(target=self._requests, args=(client, broker), daemon=True).start()
                threading.Thread(target=self._answers, args=(broker, client), daemon=True).start()

    def _requests(self, client: socket.socket, broker: socket.socket) -> None:
        with contextlib.suppress(OSError), client, broker:
            while head := _exactly(client, 4):
                request = _exactly(client, struct.unpack(">i", head)[0])
                # Before the broker can answer: from here on nothing comes back.
                hit = self._armed is not None and struct.unpack(">h", request[:2])[0] == self._armed
                if hit:
                    self._mute = True
                broker.sendall(head + request)
                if hit:
                    self._armed = None
                    self.swallowed.set()

    def _answers(self, broker: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := broker.recv(65_536):
                if not self._mute:
                    client.sendall(data)
        # Either side gone ends both, as without a proxy.
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            return b""
        data += more
    return data
