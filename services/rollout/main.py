"""The rollout worker as a process: everybody who watches the verdicts, fed by one reader; and the teller of changes."""

import threading
from typing import Final

import structlog

from services.rollout.act import Acting
from services.rollout.drift.monitor import DriftMonitor
from services.rollout.feed import RETRY_SECONDS, VerdictFeed
from services.rollout.judge import Judge
from services.rollout.teller import ChangeTeller
from services.rollout.told import Told, read_told
from services.rollout.watch import VerdictWatcher, longest_window_s
from shared.bus.errors import KafkaFailedError
from shared.bus.publisher import EventPublisher
from shared.faults import FaultSink, Report
from shared.probes import probes
from shared.registry.client import Registry
from shared.serving.wiring import fault_reporter, watched_registry
from shared.settings import ProbesSettings, Settings

_LAST_WORD_S: Final = 5.0
"""A Kafka that is away may delay the end of the process by this much."""
_log = structlog.get_logger(__name__)


def main(settings: Settings, stop: threading.Event) -> int:
    """Run the rollout worker until `stop` is set; answers the exit status.

    Raises:
        KafkaFailedError: Kafka refused for good.
        LinegateError: the probes' address cannot be listened on.
    """
    with (
        fault_reporter(settings, "rollout") as faults,
        Registry(settings.redis) as registry,
        watched_registry(settings, "rollout", faults=faults) as watcher,
    ):
        publisher = EventPublisher(settings.bus)
        try:
            told = Told()
            acting = Acting(registry, publisher.publish, faults=faults, told=told.breaches)
            judge = Judge(lambda: watcher.snapshot, acting, max_parts=settings.rollout.max_parts)
            watchers: list[VerdictWatcher] = [judge, DriftMonitor(settings.drift, faults)]
            feed = VerdictFeed(
                settings.bus,
                watchers,
                snapshot=lambda: watcher.snapshot,
                window_s=lambda known: longest_window_s(known, settings.drift.window_s),
                look_s=settings.rollout.look_s,
                check=lambda: _check(publisher),
            )
            with probes(settings.probes, dead=lambda: _dead(feed, settings.probes), unready=lambda: _unready(feed)):
                if not _recalled(settings, told, feed, stop):
                    return 0
                with ChangeTeller(registry, publisher, told, look_back_s=settings.rollout.look_back_s):
                    _run(feed, stop, faults)
        finally:
            publisher.close(_LAST_WORD_S)
    return 0


def _recalled(settings: Settings, told: Told, feed: VerdictFeed, stop: threading.Event) -> bool:
    """Fill `told` as soon as Kafka answers; False where the process is stopped before that."""
    while not stop.is_set():
        feed.beat()
        try:
            read_told(settings.bus, told, feed.beat)
        except KafkaFailedError as error:
            _log.warning("cannot read what was told before", error=str(error), hint=error.hint)
            stop.wait(RETRY_SECONDS)
        else:
            return True
    return False


def _run(feed: VerdictFeed, stop: threading.Event, faults: FaultSink) -> None:
    try:
        feed.run(stop)
    except KafkaFailedError as error:
        faults.raised(Report("kafka_failed", "critical", f"the worker ended: {error}", hint=error.hint))
        raise


def _check(publisher: EventPublisher) -> None:
    if publisher.failure is not None:
        raise KafkaFailedError(f"nothing can be told on Kafka any more: {publisher.failure}")


def _dead(feed: VerdictFeed, limits: ProbesSettings) -> str | None:
    age = feed.beat_age_s
    return f"the loop has not gone round for {age:.0f} s" if age > limits.max_tick_age_s else None


def _unready(feed: VerdictFeed) -> str | None:
    return None if feed.caught_up else "verdicts of the window are still being read"
