"""A plan on the terminal: what it would do, how far it is, what became of it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from training.many.engine import Progressed
from training.many.rows import RECALL, Row, figure
from training.progress import TITLES

STYLES: Final = {"failed": "red", "skipped": "yellow", "not begun": "yellow", "made": "green"}
LOOKING: Final = "Looking at what is there"


class View:
    """One bar over all versions, and below it a line for each one under way."""

    def __init__(self, progress: Progress, console: Console, total: int) -> None:
        self._progress, self._console = progress, console
        self._whole = progress.add_task("versions", total=total)
        self._lines: dict[str, TaskID] = {}

    def report(self, progressed: Progressed) -> None:
        """How far one is."""
        stage = TITLES.get(progressed.stage, progressed.stage)
        self._line(progressed.version, f"{progressed.version}: {stage}", progressed.done, progressed.total)

    def reading(self, done: int, total: int | None) -> None:
        """Photos of finished versions are read again."""
        self._line(LOOKING, LOOKING, done, total)

    def read(self) -> None:
        """They are read."""
        self._end(LOOKING)

    def told(self, row: Row) -> None:
        """What became of one; a line that stays, so that a log file of the run is of use too."""
        self._end(row.version)
        self._progress.advance(self._whole)
        auroc = row.metric("auroc")
        more = f", AUROC {auroc:.3f}" if auroc is not None and row.status != "failed" else ""
        self._console.print(Text(f"{row.version}: {row.told}{more}", style=STYLES.get(row.status, "")))

    def _line(self, name: str, described: str, done: int, total: int | None) -> None:
        if name not in self._lines:
            self._lines[name] = self._progress.add_task(described, total=total)
        self._progress.update(self._lines[name], description=described, completed=done, total=total)

    def _end(self, name: str) -> None:
        if (line := self._lines.pop(name, None)) is not None:
            self._progress.remove_task(line)


@contextmanager
def view(console: Console, total: int) -> Iterator[View]:
    """Bars for as long as the block lasts."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield View(progress, console, total)


def print_planned(console: Console, rows: Sequence[Row]) -> None:
    """What a run would do."""
    table = Table(title=Text(f"{len(rows)} versions"), title_justify="left")
    for name in ("version", "place", "data", "kind", "input"):
        table.add_column(name, overflow="fold", no_wrap=name == "version")
    for name in ("good", "damaged"):
        table.add_column(name, justify="right")
    table.add_column("", overflow="fold")
    for row in rows:
        order, planned = row.planned.wanted.order, row.planned
        spec = order.spec
        told = Text(row.told, style=STYLES.get(row.status, ""))
        words = (row.version, row.place, str(planned.wanted.data), spec.kind, f"{spec.height} x {spec.width}")
        table.add_row(*map(Text, (*words, str(planned.good), str(planned.damaged))), told)
    console.print(table)


def print_rows(console: Console, rows: Iterable[Row]) -> None:
    """What became of each."""
    table = Table()
    for name in ("version", "place"):
        table.add_column(name, overflow="fold", no_wrap=name == "version")
    for name in ("photos", "AUROC", "recall at\nprecision .95", "threshold", "of 1000 good\nstopped", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("status", overflow="fold")
    for row in rows:
        figures = (
            f"{row.planned.good} + {row.planned.damaged}",
            figure(row.metric("auroc"), ".3f"),
            figure(row.metric(RECALL), ".2f"),
            figure(row.threshold, ".5g"),
            row.false_alarms_told,
            figure(row.seconds, ".0f"),
        )
        told = Text(row.told, style=STYLES.get(row.status, ""))
        table.add_row(*map(Text, (row.version, row.place, *figures)), told)
    console.print(table)
