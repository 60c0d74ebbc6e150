"""Dead letters as tables for people."""

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from services.dlq.entry import Entry, Group
from services.photo_header import TooManyPixelsError, UnknownPictureError, read_header
from shared.bus.record import Record
from shared.events import DeadLetterStop

MAX_PIXELS = 1_000_000_000
"""Only the header is read; this bounds what is believed, not what is decoded."""
LOCAL_TIME = "%Y-%m-%d %H:%M:%S"


def show(*parts: RenderableType) -> None:
    """Print them to stdout."""
    console = Console()
    for part in parts:
        console.print(part)


def stopped(stops: Sequence[DeadLetterStop]) -> list[RenderableType]:
    """A line for each dead-letter topic that takes no letters."""
    return [
        Text(
            f"{stop.topic} takes no dead letters since {stop.time.astimezone():{LOCAL_TIME}} ({stop.by}: {stop.note}). "
            f"Once the cause is mended: linegate dlq resume {stop.topic}",
            style="bold red",
        )
        for stop in stops
    ]


def groups(found: Sequence[Group]) -> RenderableType:
    """How many for what reason from where."""
    if not found:
        return "No such dead letters."
    table = _table("Dead letters", "Count", "Reason", "Plant/line", "Topic", "First", "Last", "Latest letter")
    for one in found:
        times = (f"{time.astimezone():{LOCAL_TIME}}" for time in (one.first, one.last))
        table.add_row(str(one.count), Text(one.reason), Text(one.where), one.topic, *times, one.example)
    return table


def each(entries: Sequence[Entry]) -> RenderableType:
    """One row per letter, the oldest first."""
    if not entries:
        return "No such dead letters."
    table = _table("Dead letters", "Letter", "Since", "Plant/line", "Part", "Reason", "Attempt", "State")
    for entry in sorted(entries, key=lambda entry: (entry.since, entry.id)):
        table.add_row(
            entry.id,
            f"{entry.since.astimezone():{LOCAL_TIME}}",
            Text(entry.where),
            Text(entry.fields.get("part", "?")),
            Text(entry.letter.reason),
            str(entry.letter.attempt),
            entry.state,
        )
    return table


def one(entry: Entry, record: Record) -> RenderableType:
    """Everything about one letter."""
    letter = entry.letter
    table = _table(f"Dead letter {entry.id}", "", "")
    table.add_row("reason", Text(letter.reason))
    table.add_row("set aside", f"{entry.since.astimezone():{LOCAL_TIME}} by {letter.worker}")
    table.add_row("origin", str(letter.origin))
    if letter.attempt > 1:
        table.add_row("first", f"{letter.first} (this was attempt {letter.attempt})")
    table.add_row("state", Text(_state(entry)))
    table.add_row("value", Text(described(record.value)))
    table.add_row("key", Text(_text(record.key)))
    for name, data in letter.headers:
        table.add_row(Text(name), Text(_text(data)))
    return table


def described(value: bytes | None) -> str:
    """What the bytes are, as far as their first ones tell."""
    if not value:
        return "empty"
    size = f"{len(value):,} bytes"
    try:
        header = read_header(value, max_pixels=MAX_PIXELS)
    except (UnknownPictureError, TooManyPixelsError) as error:
        return f"{size}; {error}"
    return f"{size}; {header.mediatype}, {header.width} x {header.height} pixels"


def _state(entry: Entry) -> str:
    settled = entry.settled
    if settled is None:
        return "open"
    to = f" to {settled.replayed_to}" if settled.replayed_to else ""
    note = f": {settled.note}" if settled.note else ""
    return f"{settled.action}{to} by {settled.by} on {settled.time.astimezone():{LOCAL_TIME}}{note}"


def _text(data: bytes | None, limit: int = 200) -> str:
    if data is None:
        return "(null)"
    text = data.decode("utf-8", errors="backslashreplace")
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
