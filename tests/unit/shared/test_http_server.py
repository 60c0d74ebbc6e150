"""The gateway's listening socket."""

import asyncio
import socket

import pytest

from shared.errors import LinegateError
from shared.http_server import listen


def test_answers_are_not_held_back() -> None:
    """Accepted connections have Nagle's algorithm off; with it on, every answer takes 40 ms longer."""

    async def scene() -> int:
        seen: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            seen.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()
            await writer.wait_closed()

        listener = listen("127.0.0.1", 0, "gateway")
        async with await asyncio.start_server(serve, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname()[:2])
            nodelay = await seen
            writer.close()
            await writer.wait_closed()
        return nodelay

    assert asyncio.run(scene()) != 0


def test_an_address_that_is_not_ours_is_one_clear_error() -> None:
    """An address of another machine (TEST-NET-1, RFC 5737) is told with the names of the settings."""
    with pytest.raises(LinegateError, match=r"192\.0\.2\.1:8080") as caught:
        listen("192.0.2.1", 8080, "gateway")
    assert "gateway.host" in str(caught.value.hint)
