"""Dead letters of photos and crops, read from Kafka on a thread, counted for whoever asked.

It belongs to no group. Each letter counts once by where it lies, so that reading again is harmless, and any number of
workers may read them all. How far they were read is noted in Redis, for the next start.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from services.alert import scripts
from services.alert.desk_watcher import DeskSnapshot
from services.alert.firing import Firing
from services.alert.groups import group_of, words_of
from services.alert.observation import Observation, milliseconds, moment
from services.alert.places import LastSeen, Places
from services.alert.rules import crowd, dead_letters
from services.alert.rules.words import window
from services.alert.series.series import Addition, Series, SeriesKey
from shared.alerts.conditions import DeadLetters
from shared.alerts.records import Group
from shared.bus.dead_letter import Letter, read_letter
from shared.bus.errors import KafkaFailedError
from shared.bus.reader import EventReader
from shared.bus.record import Record
from shared.bus.settings import BusSettings
from shared.errors import LinegateError
from shared.events import PartCrop, PartImage
from shared.registry.connection import Connected
from shared.registry.errors import RegistryError
from shared.registry.failures import faults
from shared.serving.background import Background

RETRY_SECONDS: Final = 1.0
STOP_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 0.5
FIRST: Final = timedelta(hours=1)
"""Where nobody ever read them, those of so long ago are read."""
SPARE: Final = timedelta(minutes=2)
"""What was noted as read is read again from so much earlier: clocks differ, and transactions take their time."""
_log = structlog.get_logger(__name__)


class LetterMark(Connected):
    """How far dead letters were read."""

    def read(self) -> datetime | None:
        """Until before when all were; None where nobody ever read them."""
        with faults():
            held: Any = self._redis.get(scripts.LETTERS)
        return None if held is None else moment(int(held))

    def note(self, until: datetime) -> None:
        """All before this were read."""
        with faults(changing=True):
            self._redis.set(scripts.LETTERS, str(milliseconds(until)))


class LetterCount:
    """Counts letters for the subscriptions that they concern.

    Args:
        series: keeps them.
        places: told that a photo came.
        firing: fires alerts.
        clock: the present.
    """

    def __init__(self, series: Series, places: Places, firing: Firing, *, clock: Callable[[], datetime]) -> None:
        self._series = series
        self._places = places
        self._firing = firing
        self._clock = clock

    def take(self, snapshot: DeskSnapshot, letter: Letter) -> None:
        """Count a letter. The same one again changes nothing.

        Raises:
            RegistryUnavailable: Redis is away.
        """
        at = self._clock()
        set_aside, sent = _time(letter.place.timestamp, at), _time(letter.origin.timestamp, at)
        place = dead_letters.place_of(letter)
        if place is not None:
            self._places.saw([(place, LastSeen(sent, None))])
        seen = Observation(str(letter.place), set_aside, failed=True)
        for subscription in snapshot.subscriptions.values():
            condition = subscription.condition
            if not isinstance(condition, DeadLetters) or not dead_letters.concerned(subscription.scope, place):
                continue
            group = Group() if place is None else group_of(place, subscription.group_by)
            key, length = SeriesKey.of(subscription, group), window(condition.minutes)
            self._series.add([Addition(key, seen, dead_letters.keep(length))])
            where = "an unknown place" if place is None else words_of(place)
            found = crowd.look(self._series, key, seen, count=condition.letters, window=length)
            triggers = [dead_letters.trigger(one, condition, group, where, letter.reason) for one in found]
            self._firing.fire(snapshot, subscription, triggers)


class LetterFeed(Background):
    """Reads dead letters for the length of a `with` block.

    Args:
        bus: how to reach Kafka.
        count: counts them.
        mark: where they were read until.
        snapshot: answers subscriptions and silences; None while they were never read.
        oldest_s: letters of an older time are not read, in seconds.
        clock: the present.
    """

    def __init__(
        self,
        bus: BusSettings,
        count: LetterCount,
        mark: LetterMark,
        snapshot: Callable[[], DeskSnapshot | None],
        *,
        oldest_s: float,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__("dead-letters", stop_s=STOP_SECONDS)
        self._bus = bus
        self._count = count
        self._mark = mark
        self._snapshot = snapshot
        self._oldest = timedelta(seconds=oldest_s)
        self._clock = clock
        self._hurdle: str | None = None

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with EventReader(self._bus, (), start=self._start(), dead_letters_of=(PartImage, PartCrop)) as reader:
                    while not self._stop.is_set():
                        self._read(reader)
                        self._hurdle = None
            except (KafkaFailedError, RegistryError) as away:
                self._cannot(away)
                self._stop.wait(RETRY_SECONDS)
            except Exception:  # noqa: BLE001 - a thread that died would count no more, and nobody would know
                _log.exception("reading dead letters failed; it begins again")
                self._stop.wait(RETRY_SECONDS)

    def _start(self) -> datetime:
        at, read = self._clock(), self._mark.read()
        return at - FIRST if read is None else max(read - SPARE, at - self._oldest)

    def _read(self, reader: EventReader) -> None:
        snapshot = self._snapshot()
        if snapshot is None:
            self._stop.wait(RETRY_SECONDS)
            return
        at = self._clock()
        for record, _ in reader.read_to_end(patience=self._bus.call_budget_s):
            # Where Redis is away it begins again, from where it was noted.
            self._take(snapshot, record)
            if self._stop.is_set():
                return
        self._mark.note(at)
        self._stop.wait(PAUSE_SECONDS)

    def _take(self, snapshot: DeskSnapshot, record: Record) -> None:
        try:
            letter = read_letter(record)
        except ValueError as error:
            _log.warning("not a dead letter", reason=str(error))
            return
        self._count.take(snapshot, letter)

    def _cannot(self, error: LinegateError) -> None:
        if str(error) != self._hurdle:
            self._hurdle = str(error)
            _log.warning("dead letters cannot be counted yet", reason=self._hurdle, hint=error.hint)


def _time(timestamp_ms: int, at: datetime) -> datetime:
    """A record's time; ours where it has none, or one that lies in the future."""
    now_ms = milliseconds(at)
    return moment(timestamp_ms if 0 <= timestamp_ms <= now_ms else now_ms)
