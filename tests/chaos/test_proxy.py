"""Each kind of weather does to real sockets what it says."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from deploy.local.process import free_port
from tests.chaos.plan import Weather
from tests.chaos.proxy import LATENCY_S, Proxy

PATIENCE = 10.0
BRIEFLY = 0.3
"""For what must not arrive."""


class EchoServer:
    """Answers every line with itself, and keeps what it heard."""

    def __init__(self) -> None:
        self.heard = b""
        self._changed = threading.Condition()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def wait_heard(self, data: bytes) -> bool:
        """Whether it heard `data` within the patience."""
        with self._changed:
            return self._changed.wait_for(lambda: data in self.heard, PATIENCE)

    def close(self) -> None:
        """End."""
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._socket.accept()[0],), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(4096):
                with self._changed:
                    self.heard += data
                    self._changed.notify_all()
                connection.sendall(data)


@pytest.fixture
def server() -> Iterator[EchoServer]:
    """A server of this test's own."""
    server = EchoServer()
    yield server
    server.close()


@pytest.fixture
def proxy(server: EchoServer) -> Iterator[Proxy]:
    """A proxy in front of it."""
    with Proxy(free_port(), server.port) as made:
        yield made


def _connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE)


def _ask(connection: socket.socket, data: bytes) -> bytes:
    """Send `data` and read as many bytes back, which may come in pieces."""
    connection.sendall(data)
    answer = b""
    while len(answer) < len(data) and (piece := connection.recv(4096)):
        answer += piece
    return answer


def _silent(connection: socket.socket) -> bool:
    connection.settimeout(BRIEFLY)
    try:
        connection.recv(4096)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(PATIENCE)
    return False


def _gone(connection: socket.socket) -> bool:
    try:
        return connection.recv(4096) == b""
    except ConnectionError:
        return True


def test_a_clear_sky_forwards(proxy: Proxy) -> None:
    """There and back."""
    with _connect(proxy) as connection:
        assert _ask(connection, b"hello") == b"hello"


def test_slow_takes_its_time(proxy: Proxy) -> None:
    """Two latencies there and back; and quick again afterwards on the same connection."""
    with _connect(proxy) as connection:
        proxy.change(Weather.SLOW)
        started = time.monotonic()
        assert _ask(connection, b"hello") == b"hello"
        assert time.monotonic() - started >= 2 * LATENCY_S
        proxy.change(None)
        assert _ask(connection, b"again") == b"again"


def test_cut_resets_and_refuses(proxy: Proxy) -> None:
    """Old connections die, new ones get nowhere until it is over."""
    with _connect(proxy) as old:
        assert _ask(old, b"hello") == b"hello"
        proxy.change(Weather.CUT)
        assert _gone(old)
    with _connect(proxy) as refused:
        assert _gone(refused)
    proxy.change(None)
    with _connect(proxy) as new:
        assert _ask(new, b"hello") == b"hello"


def test_flapping_resets_again_and_again(proxy: Proxy) -> None:
    """New connections are taken, and die as well."""
    proxy.change(Weather.FLAPPING)
    for _ in range(2):
        with _connect(proxy) as connection:
            assert _gone(connection)


def test_a_blackhole_delivers_late(proxy: Proxy, server: EchoServer) -> None:
    """Silence, and afterwards what was sent arrives, even of a client that has gone away meanwhile."""
    with _connect(proxy) as patient, _connect(proxy) as impatient:
        assert _ask(patient, b"hello") == b"hello"
        assert _ask(impatient, b"hello") == b"hello"
        proxy.change(Weather.BLACKHOLE)
        patient.sendall(b"one")
        impatient.sendall(b"two")
        assert _silent(patient)
        impatient.close()
        assert b"one" not in server.heard
        proxy.change(None)
        assert patient.recv(4096) == b"one"
        assert server.wait_heard(b"two")


def test_mute_swallows_the_answers(proxy: Proxy, server: EchoServer) -> None:
    """The server hears, the client does not, and the broken stream is not taken up again."""
    with _connect(proxy) as connection:
        proxy.change(Weather.MUTE)
        connection.sendall(b"commit")
        assert server.wait_heard(b"commit")
        assert _silent(connection)
        proxy.change(None)
        assert _gone(connection)


def _kafka_request(client: bytes) -> bytes:
    body = struct.pack(">hhih", 18, 4, 1, len(client)) + client + b"rest"
    return struct.pack(">i", len(body)) + body


def test_one_client_can_be_hit_alone(server: EchoServer) -> None:
    """Clients are told apart by the client.id in their first request, which is passed on whole."""
    with Proxy(free_port(), server.port, kafka=True) as proxy, _connect(proxy) as one, _connect(proxy) as two:
        for connection, name in ((one, b"crop-0"), (two, b"score-1")):
            request = _kafka_request(name)
            assert _ask(connection, request) == request
        assert proxy.clients == {"crop-0", "score-1"}
        proxy.change(Weather.CUT, "crop-0")
        assert _gone(one)
        assert _ask(two, b"hello") == b"hello"
        with _connect(proxy) as again:
            again.sendall(_kafka_request(b"crop-0"))
            assert _gone(again)


def test_it_refuses_as_an_absent_server_does(proxy: Proxy) -> None:
    """So that clients back off as they would without a proxy; connections that are open go on."""
    with _connect(proxy) as old:
        assert _ask(old, b"hello") == b"hello"
        proxy.refuse(True)
        with pytest.raises(ConnectionRefusedError):
            _connect(proxy)
        assert _ask(old, b"again") == b"again"
    proxy.refuse(False)
    with _connect(proxy) as new:
        assert _ask(new, b"hello") == b"hello"


def test_an_absent_server_is_a_closed_door() -> None:
    """No hanging where nobody listens behind the proxy."""
    with Proxy(free_port(), free_port()) as proxy, _connect(proxy) as connection:
        assert _gone(connection)
