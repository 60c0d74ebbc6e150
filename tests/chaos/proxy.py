"""A TCP proxy between workers and a server, with a switch for the weather."""

import asyncio
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, Self

from tests.chaos.plan import Weather

CHUNK: Final = 65_536
LATENCY_S: Final = 0.25
"""Of each chunk while it is slow."""
BYTES_PER_S: Final = 400_000
FLAP_S: Final = 0.7
START_S: Final = 10.0


class _Link:
    """One client's connection and ours to the server."""

    def __init__(self, client: asyncio.StreamWriter, name: str) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.name = name
        self.spoiled = False
        """Bytes were withheld: nothing may follow them."""

    def abort(self) -> None:
        """Reset both sides."""
        for side in (self.client, self.server):
            if side is not None:
                side.transport.abort()


class Proxy:
    """Forwards 127.0.0.1:`port` to 127.0.0.1:`upstream`, from a thread of its own.

    Args:
        port: to listen on.
        upstream: the server's port.
        kafka: read each client's name (`client.id`) from its first request, so that one client can be hit.
    """

    def __init__(self, port: int, upstream: int, *, kafka: bool = False) -> None:
        self.port: Final = port
        self._upstream = upstream
        self._kafka = kafka
        self._weather: Weather | None = None
        self._victim: str | None = None
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._clear = asyncio.Event()
        self._clear.set()
        self._flapping: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def clients(self) -> set[str]:
        """Names of the connected clients."""
        return {link.name for link in tuple(self._links)}

    def change(self, weather: Weather | None, victim: str | None = None) -> None:
        """Let there be `weather`, or None for a clear sky, for the clients whose name begins with `victim`, or all."""
        self._call(self._change(weather, victim))

    def refuse(self, refusing: bool) -> None:
        """Refuse connections as an absent server does, or take them again; the weather is another matter."""
        self._call(self._unlisten() if refusing else self._listen())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(START_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _unlisten(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _close(self) -> None:
        await self._change(None, None)
        await self._unlisten()
        for link in tuple(self._links):
            link.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _change(self, weather: Weather | None, victim: str | None) -> None:
        if self._flapping is not None:
            self._flapping.cancel()
            self._flapping = None
        self._weather, self._victim = weather, victim
        for link in tuple(self._links):
            if link.spoiled:
                link.abort()
        if weather is Weather.BLACKHOLE:
            self._clear.clear()
        else:
            self._clear.set()
        if weather is Weather.CUT:
            self._reset()
        if weather is Weather.FLAPPING:
            self._flapping = asyncio.create_task(self._flap())

    async def _flap(self) -> None:
        while True:
            self._reset()
            await asyncio.sleep(FLAP_S)

    def _reset(self) -> None:
        for link in tuple(self._links):
            if self._hits(link):
                link.abort()

    def _hits(self, link: _Link) -> bool:
        return self._weather is not None and (self._victim is None or link.name.startswith(self._victim))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer, "")
        self._links.add(link)
        with suppress(OSError, EOFError):
            first = b""
            if self._kafka:
                first, link.name = await _first_request(reader)
            if self._weather is not Weather.CUT or not self._hits(link):
                await self._forward(link, reader, first)
        self._links.discard(link)
        link.abort()

    async def _forward(self, link: _Link, reader: asyncio.StreamReader, first: bytes) -> None:
        answers, link.server = await asyncio.open_connection("127.0.0.1", self._upstream)
        pumps = [
            asyncio.create_task(self._pump(link, reader, link.server, first)),
            asyncio.create_task(self._pump(link, answers, link.client, b"", answering=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self,
        link: _Link,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        data: bytes,
        *,
        answering: bool = False,
    ) -> None:
        """Carry bytes one way until the source ends. An end, too, needs the weather to get through."""
        while True:
            data = data or await source.read(CHUNK)
            if self._weather is Weather.SLOW and self._hits(link):
                await asyncio.sleep(LATENCY_S + len(data) / BYTES_PER_S)
            while self._weather is Weather.BLACKHOLE and self._hits(link):
                await self._clear.wait()
            if self._weather is Weather.MUTE and answering and self._hits(link):
                link.spoiled = True
            if not data:
                return
            if not (answering and link.spoiled):
                sink.write(data)
                await sink.drain()
            data = b""


async def _first_request(reader: asyncio.StreamReader) -> tuple[bytes, str]:
    """The first bytes of a Kafka client and its `client.id` (request header versions 1 and 2)."""
    head = await reader.readexactly(14)
    (length,) = struct.unpack(">h", head[12:14])
    name = await reader.readexactly(max(0, length))
    return head + name, name.decode("utf-8", errors="replace")
