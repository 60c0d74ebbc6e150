"""Read verdicts from Kafka and hand them to the watchers; let these look, once all that was there has been read."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from services.rollout.watch import VerdictWatcher
from shared.bus.envelope import EnvelopeRejected
from shared.bus.errors import KafkaFailedError
from shared.bus.reader import EventReader, Read
from shared.bus.settings import BusSettings
from shared.events import ShadowVerdict, Verdict, now
from shared.registry.snapshot import Snapshot

POLL_SECONDS: Final = 0.2
RETRY_SECONDS: Final = 2.0
_log = structlog.get_logger(__name__)


class VerdictFeed:
    """Feeds watchers until it is told to stop. Kafka may be away at any time: the feed goes on when it is back.

    It belongs to no consumer group and commits nothing. A restart reads the windows again and so rebuilds every
    watcher's state by itself; several feeds beside each other all see everything.

    Args:
        bus: how to reach Kafka.
        watchers: told of every verdict, on the thread that calls `run`.
        snapshot: answers the registry's latest state, or None while it was never seen.
        window_s: answers how far back to begin, in seconds; asked once the registry is known.
        look_s: time between two looks, in seconds.
        check: called before each look; raises where the process cannot go on.
    """

    def __init__(
        self,
        bus: BusSettings,
        watchers: Sequence[VerdictWatcher],
        *,
        snapshot: Callable[[], Snapshot | None],
        window_s: Callable[[Snapshot], float],
        look_s: float,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._bus = bus
        self._watchers = watchers
        self._snapshot = snapshot
        self._window_s = window_s
        self._look_s = look_s
        self._check = check
        self._beat = time.monotonic()
        self._caught_up = False

    @property
    def caught_up(self) -> bool:
        """Whether all verdicts that were there at the start have been read."""
        return self._caught_up

    @property
    def beat_age_s(self) -> float:
        """Seconds since the loop last went round."""
        return time.monotonic() - self._beat

    def beat(self) -> None:
        """The process is alive."""
        self._beat = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Feed until `stop` is set.

        Raises:
            KafkaFailedError: Kafka refused for good, or `check` said so.
        """
        reader = self._opened(stop)
        if reader is None:
            return
        with reader:
            self._catch_up(reader, stop)
            due = time.monotonic()
            while not stop.is_set():
                self.beat()
                wait = min(POLL_SECONDS, max(0.0, due - self._beat))
                if (read := reader.poll(wait)) is not None:
                    self._hand_on(read)
                if time.monotonic() >= due:
                    self._look()
                    due = time.monotonic() + self._look_s

    def _opened(self, stop: threading.Event) -> EventReader | None:
        """A reader, as soon as the registry is known and Kafka answers; None where it is stopped before that."""
        while not stop.is_set():
            self.beat()
            known = self._snapshot()
            if known is None:
                stop.wait(POLL_SECONDS)
                continue
            start = now() - timedelta(seconds=self._window_s(known))
            try:
                return EventReader(self._bus, (Verdict, ShadowVerdict), start=start)
            except KafkaFailedError as error:
                _log.warning("cannot read verdicts yet", error=str(error), hint=error.hint)
                stop.wait(RETRY_SECONDS)
        return None

    def _catch_up(self, reader: EventReader, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                for read in reader.read_to_end():
                    self.beat()
                    self._hand_on(read)
                    if stop.is_set():
                        return
            except KafkaFailedError as error:
                # It goes on where it was: nothing is told twice.
                _log.warning("verdicts of the past not read yet", error=str(error), hint=error.hint)
                stop.wait(RETRY_SECONDS)
                self.beat()
            else:
                self._caught_up = True
                return

    def _hand_on(self, read: Read) -> None:
        record, event = read
        if isinstance(event, Verdict):
            for watcher in self._watchers:
                watcher.saw(event)
        elif isinstance(event, EnvelopeRejected):
            place = f"{record.topic}[{record.partition}]@{record.offset}"
            _log.warning("not a verdict", record=place, reason=event.reason)

    def _look(self) -> None:
        self._check()
        known = self._snapshot()
        if known is None:
            return
        at = now()
        for watcher in self._watchers:
            watcher.look(at, known)
