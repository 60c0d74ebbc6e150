"""The gateway as a process: publisher, answer feed and HTTP server, started and ended in order."""

import socket
import threading
from datetime import timedelta
from typing import Final

import structlog
import uvicorn

from services.answers import AnswerFeed
from services.gateway.app import create_app
from services.gateway.probe import KafkaProbe
from services.gateway.verdict_cache import Judged, VerdictCache
from shared.bus.publisher import EventPublisher
from shared.errors import LinegateError
from shared.events import now
from shared.settings import Settings

ANSWERS: Final = 50_000
"""Answers kept in memory: about 55 MB."""
READ_BACK: Final = timedelta(minutes=15)
"""How much of the past is read at the start: enough for a client that polls across a restart."""
GRACE_SECONDS: Final = 15
"""For requests under way at the end; longer than a client waits for an acknowledgement."""
FLUSH_SECONDS: Final = 5.0
"""For photos whose clients were told to retry; every 202 was acknowledged before."""
WATCH_SECONDS: Final = 0.2
BACKLOG: Final = 256
"""Connections that may wait to be accepted."""
_log = structlog.get_logger(__name__)


def main(settings: Settings, stop: threading.Event) -> int:
    """Run the gateway until `stop` is set; answers the exit status.

    Raises:
        LinegateError: the address cannot be listened on.
    """
    verdicts = VerdictCache(ANSWERS)
    feed = AnswerFeed(
        settings.bus,
        on_verdict=lambda verdict: verdicts.put(verdict.image, Judged.of(verdict)),
        on_dead_letter=lambda letter: verdicts.put(letter.image, letter),
        since=now() - READ_BACK,
    )
    with _listen(settings.gateway.host, settings.gateway.port) as listener:
        publisher = EventPublisher(settings.bus)
        try:
            with feed:
                app = create_app(
                    settings,
                    publisher,
                    verdicts,
                    reachable=KafkaProbe(settings.bus).reachable,
                    current=lambda: feed.current,
                )
                server = uvicorn.Server(
                    uvicorn.Config(
                        app,
                        lifespan="off",
                        log_config=None,
                        access_log=False,
                        server_header=False,
                        timeout_graceful_shutdown=GRACE_SECONDS,
                    )
                )
                return _serve(server, listener, stop, feed=feed, verdicts=verdicts, publisher=publisher)
        finally:
            publisher.close(FLUSH_SECONDS)


def _serve(
    server: uvicorn.Server,
    listener: socket.socket,
    stop: threading.Event,
    *,
    feed: AnswerFeed,
    verdicts: VerdictCache,
    publisher: EventPublisher,
) -> int:
    # Not in the main thread, where uvicorn would take over the signals that are ours.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="http")
    thread.start()
    host, port = listener.getsockname()[:2]
    _log.info("gateway listens", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    healthy = True
    while healthy and not stop.wait(WATCH_SECONDS):
        healthy = thread.is_alive() and feed.running and publisher.failure is None
    if not healthy:
        _log.error("gateway failed", http=thread.is_alive(), answers=feed.running, publisher=publisher.failure)
    verdicts.close()
    server.should_exit = True
    thread.join()
    return 0 if healthy else 1


def _listen(host: str, port: int) -> socket.socket:
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
            hint="is the port taken, or the host not one of ours? gateway.host and gateway.port set them",
        ) from None
    return listener
