"""Read dead letters, and what was decided about them, from Kafka."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog

from services.dlq.entry import Entry, entry_of, parse_id
from shared.bus.fetch import RecordFetcher
from shared.bus.reader import EventReader
from shared.bus.record import Record
from shared.bus.settings import BusSettings
from shared.errors import LinegateError
from shared.events import DeadLetterSettled, DeadLetterStop, Event

Settlements = dict[str, DeadLetterSettled]
_log = structlog.get_logger(__name__)


def settlements(settings: BusSettings) -> Settlements:
    """Letter -> what was decided about it; as committed when this is called.

    Raises:
        KafkaFailedError: Kafka does not answer, or the topic does not exist.
    """
    found: Settlements = {}
    with EventReader(settings, (DeadLetterSettled,), start="earliest") as reader:
        for _, event in reader.read_to_end(patience=settings.call_budget_s):
            if isinstance(event, DeadLetterSettled):
                # The first word on a letter counts; a second one can only be somebody else's mistake.
                found.setdefault(event.letter, event)
    return found


def stops(settings: BusSettings) -> list[DeadLetterStop]:
    """The dead-letter topics that take no letters now.

    Raises:
        KafkaFailedError: Kafka does not answer, or the topic does not exist.
    """
    latest: dict[str, DeadLetterStop] = {}
    with EventReader(settings, (DeadLetterStop,), start="earliest") as reader:
        for _, event in reader.read_to_end(patience=settings.call_budget_s):
            if isinstance(event, DeadLetterStop):
                latest[event.topic] = event
    return [stop for stop in latest.values() if stop.stopped]


def entries(settings: BusSettings, types: Sequence[type[Event]], *, since: datetime | None) -> Iterator[Entry]:
    """Every dead letter of these types, without the bytes.

    Kafka has no way to read headers only: the letters pass through here whole, one at a time.

    Args:
        settings: of the bus.
        types: the events whose dead letters to read.
        since: letters that were set aside since then; all that Kafka still keeps by default.

    Raises:
        KafkaFailedError: Kafka does not answer, or a topic does not exist.
    """
    decided = settlements(settings)
    with EventReader(settings, (), start=since or "earliest", dead_letters_of=types) as reader:
        for record, _ in reader.read_to_end(patience=settings.call_budget_s):
            place = f"{record.topic}/{record.partition}/{record.offset}"
            try:
                yield entry_of(record, decided.get(place))
            except ValueError as error:
                _log.warning("not a dead letter of ours", reason=str(error))


def letter(fetcher: RecordFetcher, id_: str) -> Record:
    """The dead letter with this id, whole.

    Raises:
        LinegateError: there is none (any more), or Kafka does not answer.
    """
    record = fetcher.fetch(*parse_id(id_))
    if record is None:
        raise LinegateError(
            f"there is no dead letter {id_}", hint="Kafka keeps them for the topic's retention time; see `list --each`"
        )
    return record
