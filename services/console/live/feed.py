"""From what is read of Kafka into memory."""

from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from services.console.live.follow import Follower
from services.console.live.memory import Memory
from shared.bus.envelope import EnvelopeRejected
from shared.bus.reader import EventReader, Read
from shared.bus.record import Record
from shared.bus.settings import BusSettings
from shared.bus.topics import dead_letter_topic
from shared.events import (
    AlertChanged,
    Event,
    Fault,
    Feedback,
    LabelledPart,
    PartAnomalyMap,
    PartCrop,
    PartImage,
    Verdict,
    now,
)

FOLLOWED: Final[tuple[type[Event], ...]] = (Verdict, PartAnomalyMap, Fault, AlertChanged, Feedback, LabelledPart)
SET_ASIDE: Final[tuple[type[Event], ...]] = (PartImage, PartCrop)
"""Whose dead letters are counted."""
_LETTERS: Final = frozenset(dead_letter_topic(event.TOPIC) for event in SET_ASIDE)
_log = structlog.get_logger(__name__)


def live_feed(bus: BusSettings, memory: Memory, *, history: timedelta) -> Follower:
    """Fills a memory, beginning with what is so old as `history`.

    Args:
        bus: how to reach Kafka.
        memory: where events go.
        history: how far back it begins.
    """

    def open_reader() -> EventReader:
        return EventReader(bus, FOLLOWED, start=now() - history, dead_letters_of=SET_ASIDE)

    return Follower("live", open_reader, lambda read: take(memory, read))


def take(memory: Memory, read: Read) -> None:
    """Remember what was read."""
    record, event = read
    if record.topic in _LETTERS:
        memory.take_dead_letter(*_address(record), _told(record))
    elif isinstance(event, EnvelopeRejected):
        _log.warning("not an event that is followed", topic=record.topic, offset=record.offset, reason=event.reason)
    else:
        memory.take(event)


def _address(record: Record) -> tuple[str | None, str | None]:
    """Plant and line, as the photo said them."""
    values = {name.lower(): (data or b"").decode(errors="replace") for name, data in record.headers}
    return values.get("ce_plant") or None, values.get("ce_line") or None


def _told(record: Record) -> datetime:
    return datetime.fromtimestamp(record.timestamp / 1000, UTC) if record.timestamp > 0 else now()
