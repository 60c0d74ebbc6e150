"""The console as a process: live feed, publisher and HTTP server, started and ended in order."""

import threading
from contextlib import ExitStack
from typing import Final

import structlog

from services.console.app import create_app
from services.console.deps import Deps
from services.console.live.books import Books
from services.console.live.live import Live
from services.console.pictures import Pictures
from services.console.screen import Screen
from shared.alerts.book import AlertBook
from shared.alerts.delivery_desk import DeliveryDesk
from shared.alerts.desk import SubscriptionDesk
from shared.auth import make_authenticator
from shared.bus.publisher import EventPublisher
from shared.evidence import EvidenceShelf, EvidenceSource, LiveEvidence
from shared.http_server import HttpServer
from shared.probes import probes
from shared.registry.client import Registry
from shared.settings import Settings
from shared.settings.sections import is_loopback

GRACE_SECONDS: Final = 5
"""For requests under way at the end."""
FLUSH_SECONDS: Final = 5.0
"""For feedback under way at the end."""
WATCH_SECONDS: Final = 0.2
_log = structlog.get_logger(__name__)


def main(settings: Settings, stop: threading.Event) -> int:
    """Run the console until `stop` is set; answers the exit status.

    Raises:
        LinegateError: nothing says who may use it, or an address cannot be listened on.
    """
    authenticator = make_authenticator(settings.auth)
    _say_what_is_open(settings)
    with ExitStack() as parts:
        publisher = EventPublisher(settings.bus)
        parts.callback(publisher.close, FLUSH_SECONDS)
        # Redis is first asked when somebody opens a page that needs it.
        registry = parts.enter_context(Registry(settings.redis))
        book = parts.enter_context(AlertBook(settings.redis))
        desk = parts.enter_context(SubscriptionDesk(settings.redis))
        deliveries = parts.enter_context(DeliveryDesk(settings.redis))
        live = parts.enter_context(Live(settings))
        books = parts.enter_context(Books(settings, registry, live.changes))
        evidence = parts.enter_context(LiveEvidence(settings.bus, settings.images, settings.network))
        source = EvidenceSource(EvidenceShelf(settings.store), evidence)
        pictures = Pictures(source, live.memory, settings.images)

        def make_deps(screen: Screen) -> Deps:
            return Deps(
                settings=settings,
                screen=screen,
                live=live,
                pictures=pictures,
                registry=registry,
                book=book,
                desk=desk,
                trials=books.trials,
                jobs=books.jobs,
                deliveries=deliveries,
                publisher=publisher,
            )

        app = create_app(settings, authenticator, make_deps)
        server = HttpServer(
            app, host=settings.console.host, port=settings.console.port, section="console", grace_s=GRACE_SECONDS
        )
        with probes(settings.probes, dead=lambda: _dead(server, settings), unready=lambda: _unready(live)), server:
            _log.info("console listens", url=server.url)
            healthy = True
            while healthy and not stop.wait(WATCH_SECONDS):
                healthy = server.running and publisher.failure is None
            if not healthy:
                _log.error("console failed", http=server.running, publisher=publisher.failure)
            live.changes.close()
    return 0 if healthy else 1


def _dead(server: HttpServer, settings: Settings) -> str | None:
    age = server.beat_age_s
    return f"requests have not been served for {age:.0f} s" if age > settings.probes.max_tick_age_s else None


def _unready(live: Live) -> str | None:
    if live.away_since is not None:
        return "Kafka does not answer"
    return None if live.current else "the latest events are still being read from Kafka"


def _say_what_is_open(settings: Settings) -> None:
    if settings.console.secret is None and settings.auth.mode != "off":
        _log.warning("console.secret is not set: everybody must sign in again after a restart")
    if settings.auth.mode == "off" and not is_loopback(settings.console.host):
        _log.warning(
            "NOBODY IS ASKED WHO THEY ARE: auth.mode is off, and the network can reach this console. Whoever can "
            "connect may see every plant, and change what judges there",
            host=settings.console.host,
        )
