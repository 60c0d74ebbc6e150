"""The rollout worker as a process: everybody who watches the verdicts, fed by one reader."""

import threading

import structlog

from services.rollout.feed import VerdictFeed
from services.rollout.watch import VerdictWatcher, longest_window_s
from services.wiring import fault_reporter, watched_registry
from shared.bus.errors import KafkaFailedError
from shared.faults import Report
from shared.probes import probes
from shared.settings import ProbesSettings, Settings

_log = structlog.get_logger(__name__)


def main(settings: Settings, stop: threading.Event) -> int:
    """Run the rollout worker until `stop` is set; answers the exit status.

    Raises:
        KafkaFailedError: Kafka refused for good.
        LinegateError: the probes' address cannot be listened on.
    """
    with fault_reporter(settings, "rollout") as faults, watched_registry(settings, "rollout", faults=faults) as watcher:
        watchers: list[VerdictWatcher] = []
        feed = VerdictFeed(
            settings.bus,
            watchers,
            snapshot=lambda: watcher.snapshot,
            window_s=longest_window_s,
            look_s=settings.rollout.look_s,
        )
        with probes(settings.probes, dead=lambda: _dead(feed, settings.probes), unready=lambda: _unready(feed)):
            try:
                feed.run(stop)
            except KafkaFailedError as error:
                faults.raised(Report("kafka_failed", "critical", f"the worker ended: {error}", hint=error.hint))
                raise
    return 0


def _dead(feed: VerdictFeed, limits: ProbesSettings) -> str | None:
    age = feed.beat_age_s
    return f"the loop has not gone round for {age:.0f} s" if age > limits.max_tick_age_s else None


def _unready(feed: VerdictFeed) -> str | None:
    return None if feed.caught_up else "verdicts of the window are still being read"
