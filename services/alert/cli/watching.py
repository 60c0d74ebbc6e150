"""`linegate alerts watch`: the open alerts as they change, or one line for each step."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from services.alert.cli.options import seconds

if TYPE_CHECKING:
    from rich.console import Console

    from services.alert.cli.stores import Stores

LOOK_SECONDS = 1.0
PAGE = 200


def watch(
    lines: Annotated[
        bool | None,
        typer.Option(
            "--lines/--table", help="A line for each step, or a live table; into files and pipes lines by default."
        ),
    ] = None,
    plant: Annotated[str | None, typer.Option(help="Only of this plant.")] = None,
    duration: Annotated[
        float | None,
        typer.Option("--for", parser=seconds, metavar="DURATION", help="End then; Ctrl-C ends it always."),
    ] = None,
) -> None:
    """Watch alerts until Ctrl-C. While Redis is away it says so and goes on trying."""
    from rich.console import Console

    from services.alert.cli.stores import open_stores

    console = Console()
    until = None if duration is None else time.monotonic() + duration
    with open_stores() as stores:
        try:
            if lines or (lines is None and not console.is_terminal):
                _lines(stores, console, plant, until)
            else:
                _table(stores, console, plant, until)
        except KeyboardInterrupt:
            return


def _lines(stores: "Stores", console: "Console", plant: str | None, until: float | None) -> None:
    from services.alert.cli import alert_tables as tables
    from shared.registry.errors import RegistryUnavailable

    position: str | None = None
    over = False
    while not over:
        try:
            if position is None:
                position = stores.book.latest_log_entry()
            stores.book.wait_for_log(position, _wait(until))
            for entry, change in stores.book.log(position, PAGE):
                position = entry
                if plant in (None, change.plant):
                    console.print(tables.line(change), soft_wrap=True)
        except RegistryUnavailable as away:
            typer.echo(f"cannot see alerts now: {away}", err=True)
            time.sleep(LOOK_SECONDS)
        over = _over(until)


def _table(stores: "Stores", console: "Console", plant: str | None, until: float | None) -> None:
    from rich.live import Live
    from rich.text import Text

    from services.alert.cli import alert_tables as tables
    from shared.registry.errors import RegistryUnavailable

    with Live(console=console, auto_refresh=False) as live:
        over = False
        while not over:
            try:
                position = stores.book.latest_log_entry()
                shown = [held for held in stores.book.open_alerts() if plant in (None, held.record.group.plant)]
                live.update(tables.every(shown, "Open alerts"), refresh=True)
                # Parts that join an alert are no step: the table counts them at the next look.
                stores.book.wait_for_log(position, _wait(until))
            except RegistryUnavailable as away:
                live.update(Text(f"cannot see alerts now: {away}", style="yellow"), refresh=True)
                time.sleep(LOOK_SECONDS)
            over = _over(until)


def _over(until: float | None) -> bool:
    return until is not None and time.monotonic() >= until


def _wait(until: float | None) -> float:
    return LOOK_SECONDS if until is None else max(0.01, min(LOOK_SECONDS, until - time.monotonic()))
