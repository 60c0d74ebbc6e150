"""A dead letter as people look at it, and choosing among many. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from shared.bus.dead_letter import Letter, read_letter
from shared.bus.record import Headers, Record
from shared.bus.topics import DEAD_LETTER_SUFFIX
from shared.errors import LinegateError
from shared.events import DeadLetterSettled

State = Literal["open", "replayed", "dropped", "all"]
FIELDS: Final = ("id", "source", "part", "plant", "line", "station", "layout", "camera", "captured", "image", "time")
"""What of an event is shown; as the record says it, unchecked: a dead letter may be any bytes."""
MAX_JSON_BYTES: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class Entry:
    """One dead letter without its bytes."""

    letter: Letter
    size: int
    """Bytes of the record's value."""
    fields: dict[str, str]
    settled: DeadLetterSettled | None

    @property
    def id(self) -> str:
        """`<topic>/<partition>/<offset>` of the letter."""
        return str(self.letter.place)

    @property
    def state(self) -> str:
        """open, replayed or dropped."""
        return "open" if self.settled is None else self.settled.action

    @property
    def since(self) -> datetime:
        """When it was set aside."""
        return datetime.fromtimestamp(max(0, self.letter.place.timestamp) / 1000, UTC)

    @property
    def where(self) -> str:
        """`munich/line-1`, as far as the record says."""
        return f"{self.fields.get('plant', '?')}/{self.fields.get('line', '?')}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; what is None does not matter."""

    topic: str | None = None
    """The topic the records came from, or its dead-letter topic."""
    reason: str | None = None
    """Part of the reason, upper or lower case."""
    plant: str | None = None
    line: str | None = None
    state: State = "open"

    def __call__(self, entry: Entry) -> bool:
        """Whether `entry` is one of them."""
        return (
            (self.topic is None or self.topic.removesuffix(DEAD_LETTER_SUFFIX) == entry.letter.origin.topic)
            and (self.reason is None or self.reason.casefold() in entry.letter.reason.casefold())
            and (self.plant is None or self.plant == entry.fields.get("plant"))
            and (self.line is None or self.line == entry.fields.get("line"))
            and self.state in {"all", entry.state}
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Letters from one line for one reason."""

    reason: str
    where: str
    topic: str
    count: int
    first: datetime
    last: datetime
    example: str
    """Id of the latest."""


def entry_of(record: Record, settled: DeadLetterSettled | None) -> Entry:
    """The entry of a dead letter.

    Raises:
        ValueError: it is no dead letter of ours.
    """
    letter = read_letter(record)
    return Entry(letter, len(record.value or b""), _fields(letter.headers, record.value), settled)


def group(entries: Iterable[Entry]) -> list[Group]:
    """The same reason from the same line taken together, the most frequent first."""
    together: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        together.setdefault((entry.letter.reason, entry.where, entry.letter.origin.topic), []).append(entry)
    groups = []
    for (reason, where, topic), alike in together.items():
        times = sorted(entry.since for entry in alike)
        latest = max(alike, key=lambda entry: entry.since)
        groups.append(Group(reason, where, topic, len(alike), times[0], times[-1], latest.id))
    return sorted(groups, key=lambda found: (-found.count, found.topic, found.reason, found.where))


def parse_id(text: str) -> tuple[str, int, int]:
    """Topic, partition and offset of a letter's id.

    Raises:
        LinegateError: it is none.
    """
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    if topic.endswith(DEAD_LETTER_SUFFIX) and partition.isdecimal() and offset.isdecimal():
        return topic, int(partition), int(offset)
    raise LinegateError(
        f"{text!r} is no dead letter: <topic>{DEAD_LETTER_SUFFIX}/<partition>/<offset>",
        hint="`linegate dlq list --each`",
    )


def as_json(entry: Entry) -> dict[str, Any]:
    """Everything about it, JSON-ready."""
    letter, settled = entry.letter, entry.settled
    return {
        "id": entry.id,
        "state": entry.state,
        "since": entry.since.isoformat(),
        "reason": letter.reason,
        "origin": str(letter.origin),
        "first": str(letter.first),
        "attempt": letter.attempt,
        "worker": letter.worker,
        "size": entry.size,
        "event": entry.fields,
        "settled": None if settled is None else settled.model_dump(mode="json"),
    }


def _fields(headers: Headers, value: bytes | None) -> dict[str, str]:
    texts = {name.lower(): (data or b"").decode(errors="replace") for name, data in headers}
    found = {name: texts[f"ce_{name}"] for name in FIELDS if f"ce_{name}" in texts}
    if texts.get("content-type", "").startswith("application/json") and value and len(value) <= MAX_JSON_BYTES:
        try:
            data = json.loads(value)
        except ValueError:
            return found
        if isinstance(data, dict):
            found |= {name: str(data[name]) for name in FIELDS if name in data and name not in found}
    return found
