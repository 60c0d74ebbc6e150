"""The gateway as a process: publisher, answer feed and HTTP server, started and ended in order."""

import threading
from datetime import timedelta
from typing import Final

import structlog

from services.answers import AnswerFeed
from services.gateway.alerts.desk import AlertDesk
from services.gateway.app import create_app
from services.gateway.probe import KafkaProbe
from services.gateway.rollout_desk import RolloutDesk
from services.gateway.verdict_cache import Judged, VerdictCache
from shared.auth import make_authenticator
from shared.bus.publisher import EventPublisher
from shared.events import now
from shared.http_server import HttpServer
from shared.probes import probes
from shared.registry.client import Registry
from shared.settings import ProbesSettings, Settings
from shared.settings.sections import is_loopback

ANSWERS: Final = 50_000
"""Answers kept in memory: about 55 MB."""
READ_BACK: Final = timedelta(minutes=15)
"""How much of the past is read at the start: enough for a client that polls across a restart."""
GRACE_SECONDS: Final = 15
"""For requests under way at the end; longer than a client waits for an acknowledgement."""
FLUSH_SECONDS: Final = 5.0
"""For photos whose clients were told to retry; every 202 was acknowledged before."""
WATCH_SECONDS: Final = 0.2
_log = structlog.get_logger(__name__)


def main(settings: Settings, stop: threading.Event) -> int:
    """Run the gateway until `stop` is set; answers the exit status.

    Raises:
        LinegateError: nothing says who may use it, or an address cannot be listened on.
    """
    authenticator = make_authenticator(settings.auth)
    _warn_if_open(settings)
    verdicts = VerdictCache(ANSWERS)
    feed = AnswerFeed(
        settings.bus,
        on_verdict=lambda verdict: verdicts.put(verdict.image, Judged.of(verdict)),
        on_dead_letter=lambda letter: verdicts.put(letter.image, letter),
        since=now() - READ_BACK,
    )
    kafka = KafkaProbe(settings.bus)
    publisher = EventPublisher(settings.bus)
    try:
        # Redis is first asked when somebody asks for a rollout or for alerts: photos need none.
        with (
            Registry(settings.redis) as registry,
            RolloutDesk(registry) as rollouts,
            AlertDesk(settings.redis) as alerts,
        ):
            app = create_app(
                settings,
                publisher,
                verdicts,
                authenticator,
                rollouts=rollouts,
                alerts=alerts,
                reachable=kafka.reachable,
                current=lambda: feed.current,
            )
            server = HttpServer(
                app, host=settings.gateway.host, port=settings.gateway.port, section="gateway", grace_s=GRACE_SECONDS
            )
            with probes(
                settings.probes,
                dead=lambda: _dead(server, settings.probes),
                unready=lambda: _unready(kafka, feed),
            ):
                return _serve(server, stop, feed=feed, verdicts=verdicts, alerts=alerts, publisher=publisher)
    finally:
        publisher.close(FLUSH_SECONDS)


def _serve(
    server: HttpServer,
    stop: threading.Event,
    *,
    feed: AnswerFeed,
    verdicts: VerdictCache,
    alerts: AlertDesk,
    publisher: EventPublisher,
) -> int:
    with feed, server:
        _log.info("gateway listens", url=server.url)
        healthy = True
        while healthy and not stop.wait(WATCH_SECONDS):
            healthy = server.running and feed.running and publisher.failure is None
        if not healthy:
            _log.error("gateway failed", http=server.running, answers=feed.running, publisher=publisher.failure)
        # Who waits and who listens is sent away first: the server ends once they are gone.
        verdicts.close()
        alerts.feed.close()
    return 0 if healthy else 1


def _dead(server: HttpServer, limits: ProbesSettings) -> str | None:
    age = server.beat_age_s
    return f"requests have not been served for {age:.0f} s" if age > limits.max_tick_age_s else None


def _unready(kafka: KafkaProbe, feed: AnswerFeed) -> str | None:
    if not kafka.reachable():
        return "Kafka does not answer"
    return None if feed.current else "verdicts are still being read from Kafka"


def _warn_if_open(settings: Settings) -> None:
    if settings.auth.mode == "off" and not is_loopback(settings.gateway.host):
        _log.warning(
            "NOBODY IS ASKED WHO THEY ARE: auth.mode is off, and the network can reach this gateway. Whoever can "
            "connect may hand in photos for every plant and read every verdict",
            host=settings.gateway.host,
        )
