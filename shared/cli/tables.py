"""Tables for people on a terminal. What others wrote is text in them: no markup, and nothing that a terminal obeys."""

from datetime import datetime

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text


def show(*parts: RenderableType) -> None:
    """Print them to stdout."""
    console = Console()
    for part in parts:
        console.print(part, markup=False)


def table(title: str, *columns: str) -> Table:
    """An empty table; long cells are folded, never cut."""
    made = Table(title=Text(title), title_justify="left", title_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def add(to: Table, *cells: str) -> None:
    """Add a row as it is written: notes and names are no markup, and send no control sequence to a terminal."""
    to.add_row(*(Text(plain(cell)) for cell in cells))


def plain(text: str) -> str:
    """Text of others, without what a terminal would obey. Line breaks stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def moment(time: datetime) -> str:
    """A time on this machine's clock."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
