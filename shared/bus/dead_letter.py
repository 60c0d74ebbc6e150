"""A dead letter: the record that could not be processed, byte for byte, with the reason in added headers.

Its life is told by `lg_` headers. The last ones say what became of the record when it was set aside: `lg_reason`,
`lg_topic`, `lg_partition`, `lg_offset`, `lg_timestamp`, `lg_worker`. A record that was sent again carries where it lay
first (`lg_first_topic`, ...), the letter it was (`lg_letter`) and which attempt this is (`lg_attempt`); should it
become a dead letter once more, those stay in front of the new reason.
"""

from dataclasses import dataclass
from typing import Final

from shared.bus.record import Headers, OutgoingRecord, Record
from shared.bus.topics import dead_letter_topic

PREFIX: Final = "lg_"
_ADDED: Final = tuple(PREFIX + name for name in ("reason", "topic", "partition", "offset", "timestamp", "worker"))
_FIRST: Final = tuple(PREFIX + "first_" + name for name in ("topic", "partition", "offset", "timestamp"))
_ATTEMPT: Final = PREFIX + "attempt"
_LETTER: Final = PREFIX + "letter"
_HISTORY: Final = frozenset({*_FIRST, _ATTEMPT, _LETTER})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record lay."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since 1970, UTC; -1 where the record carried none."""

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Letter:
    """What a dead letter says about itself."""

    place: Origin
    """Where it lies, and since when."""
    reason: str
    origin: Origin
    """Where the record lay when it was set aside."""
    first: Origin
    """Where it lay at its first attempt; the same as `origin` unless it was sent again."""
    attempt: int
    """1 for a record that was tried once."""
    worker: str
    headers: Headers
    """The record's own headers."""


def dead_letter(record: Record, reason: str, *, worker: str) -> OutgoingRecord:
    """The dead letter of `record`: its key, value and headers as they are, and `lg_*` headers behind them."""
    texts = (reason, record.topic, str(record.partition), str(record.offset), str(record.timestamp), worker)
    headers = tuple((name, _utf8(text)) for name, text in zip(_ADDED, texts, strict=True))
    return OutgoingRecord(dead_letter_topic(record.topic), record.key, record.value, record.headers + headers)


def read_letter(record: Record) -> Letter:
    """What the dead letter `record` says about itself.

    Raises:
        ValueError: `record` is not a dead letter of ours.
    """
    own, added = _split(record.headers)
    place = Origin(record.topic, record.partition, record.offset, record.timestamp)
    topic = added.get("lg_topic")
    if topic is None:
        raise ValueError(f"{place} has no {PREFIX}topic header: no dead letter")
    try:
        origin = Origin(topic, *(int(added[name]) for name in _ADDED[2:5]))
    except (KeyError, ValueError) as error:
        raise ValueError(f"{place}: the headers do not say where the record lay ({error})") from error
    # The last of each: a sender may have sent headers of these names itself.
    told = {name: (data or b"").decode(errors="replace") for name, data in own if name in _HISTORY}
    try:
        first = Origin(told[_FIRST[0]], *(int(told[name]) for name in _FIRST[1:]))
        attempt = max(2, int(told[_ATTEMPT]))
    except (KeyError, ValueError):
        first, attempt = origin, 1
    worker = added.get("lg_worker", "unknown")
    return Letter(place, added.get("lg_reason", "no reason given"), origin, first, attempt, worker, own)


def revive(letter: Record) -> OutgoingRecord:
    """The record as it was before it became the dead letter `letter`, for sending it again.

    It goes to the partition it came from, so that one part's photos stay in one, whatever partitioner their sender has.
    To its own headers come its first place, the letter's, and the number of this attempt.

    Raises:
        ValueError: `letter` is not a dead letter of ours.
    """
    told = read_letter(letter)
    own = tuple(header for header in told.headers if header[0] not in _HISTORY)
    first = (told.first.topic, str(told.first.partition), str(told.first.offset), str(told.first.timestamp))
    history = (*zip(_FIRST, first, strict=True), (_ATTEMPT, str(told.attempt + 1)), (_LETTER, str(told.place)))
    headers = own + tuple((name, _utf8(text)) for name, text in history)
    return OutgoingRecord(told.origin.topic, letter.key, letter.value, headers, told.origin.partition)


def _split(headers: Headers) -> tuple[Headers, dict[str, str]]:
    """The record's own headers, and what was added behind them when it was set aside."""
    end = len(headers)
    added: dict[str, str] = {}
    while end and (name := headers[end - 1][0]) in _ADDED and name not in added:
        added[name] = (headers[end - 1][1] or b"").decode(errors="replace")
        end -= 1
    return headers[:end], added


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")
