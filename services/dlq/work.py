"""What `linegate dlq replay` and `drop` do: choose, ask, settle at a steady pace, and give an account."""

import getpass
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from services.dlq.desk import AlreadySettled, Desk
from services.dlq.entry import Entry, Wanted, entry_of, parse_id
from services.dlq.shelf import entries, letter, settlements
from shared.bus.fetch import RecordFetcher
from shared.bus.settings import BusSettings
from shared.bus.topics import CONSUMED
from shared.errors import LinegateError
from shared.events import DeadLetterSettled, Event

UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
Told = Callable[[DeadLetterSettled | AlreadySettled], None]


@dataclass(slots=True)
class Account:
    """What came of it."""

    done: list[DeadLetterSettled] = field(default_factory=list)
    before: int = 0
    """Letters that had been settled before."""
    gone: int = 0
    """Letters that Kafka no longer keeps."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to do with the chosen letters."""

    replay: bool
    """Send them again; give them up otherwise."""
    by: str
    note: str | None
    rate: float
    """Letters per second."""


def author(given: str | None) -> str:
    """Who settles."""
    return given or getpass.getuser()


def since(text: str | None) -> datetime | None:
    """`90m`, `12h`, `7d`, or an ISO 8601 time with an offset.

    Raises:
        LinegateError: it is none of these.
    """
    if text is None:
        return None
    try:
        if text[-1:] in UNITS:
            return datetime.now(UTC) - timedelta(**{UNITS[text[-1]]: float(text[:-1])})
        time_ = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise LinegateError(f"{text!r} is no time", hint="90m, 12h, 7d, or 2026-11-24T06:00:00+01:00") from None
    if time_.tzinfo is None:
        raise LinegateError(f"{text!r} has no offset from UTC", hint="write 2026-11-24T06:00:00+01:00")
    return time_


def find(
    settings: BusSettings,
    wanted: Wanted,
    ids: Sequence[str],
    *,
    begin: datetime | None = None,
    types: Sequence[type[Event]] = CONSUMED,
) -> list[Entry]:
    """The letters that are meant: those with these ids, else all that are wanted, the oldest first.

    Raises:
        LinegateError: there is no letter of an id, or Kafka does not answer.
    """
    if not ids:
        chosen = [entry for entry in entries(settings, types, since=begin) if wanted(entry)]
        return sorted(chosen, key=lambda entry: (entry.since, entry.letter.place.partition, entry.letter.place.offset))
    decided = settlements(settings)
    with RecordFetcher(settings) as fetcher:
        try:
            return [entry_of(letter(fetcher, id_), decided.get(id_)) for id_ in dict.fromkeys(ids)]
        except ValueError as error:
            raise LinegateError(str(error)) from error


def settle(settings: BusSettings, chosen: Sequence[Entry], order: Order, told: Told) -> Account:
    """Settle each of `chosen` by `order`, in their order; `told` hears of each.

    Each is a transaction of its own: whatever ends this halfway, what was settled is settled, and the rest is open.

    Raises:
        LinegateError: Kafka is away, or somebody else has begun to settle letters.
    """
    account = Account()
    with Desk(settings, by=order.by, note=order.note) as desk, RecordFetcher(settings) as fetcher:
        start = time.monotonic()
        for index, entry in enumerate(chosen):
            time.sleep(max(0.0, start + index / order.rate - time.monotonic()))
            record = fetcher.fetch(*parse_id(entry.id))
            if record is None:
                account.gone += 1
                continue
            try:
                event = desk.replay(record) if order.replay else desk.drop(record)
            except AlreadySettled as before:
                account.before += 1
                told(before)
            else:
                account.done.append(event)
                told(event)
    return account
