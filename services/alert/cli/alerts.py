"""`linegate alerts`: what fires, who takes care of it, and what is silent.

Exit status: 0 done, 1 an error (also: somebody else acknowledged it first, or it is resolved), 2 a wrong command line.
"""

from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from services.alert.cli import silencing
from services.alert.cli.watching import watch
from shared.cli.options import Author, Note, who

if TYPE_CHECKING:
    from services.alert.cli.stores import Stores
    from shared.alerts.life import Life
    from shared.alerts.records import HeldAlert

app = typer.Typer(help="See alerts, acknowledge and resolve them, silence places.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or the beginning of it.", show_default=False)]
_SHORTEST: Final = 4
_CLOSED: Final = 1000
"""Of the resolved ones, the latest so many are looked through."""


@app.command("list")
def list_(
    state: Annotated[
        Literal["open", "firing", "acknowledged", "resolved", "any"], typer.Option(help="Which ones.")
    ] = "open",
    plant: Annotated[str | None, typer.Option(help="Only of this plant.")] = None,
    subscription: Annotated[str | None, typer.Option(help="Only of this subscription.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="At most so many.")] = 50,
) -> None:
    """The open alerts, the latest first."""
    from services.alert.cli import alert_tables as tables
    from services.alert.cli.stores import open_stores

    with open_stores() as stores:
        found = [] if state == "resolved" else stores.book.open_alerts()
        if state in ("resolved", "any"):
            found += stores.book.closed_alerts(_CLOSED)
    wanted = [
        held
        for held in found
        if state in ("any", held.record.state, "open" if held.record.open else "")
        and plant in (None, held.record.group.plant)
        and subscription in (None, held.record.subscription)
    ]
    tables.show(tables.every(wanted[:count]))


@app.command()
def show(alert: Id) -> None:
    """One alert: what happened, who was told, who takes care of it, and the latest parts."""
    from services.alert.cli import alert_tables as tables
    from services.alert.cli.stores import open_stores

    with open_stores() as stores:
        tables.show(*tables.one(_find(stores, alert)))


@app.command()
def ack(alert: Id, note: Note = "", author: Author = None) -> None:
    """Acknowledge an alert: you take care of it, and it escalates no more."""
    from shared.alerts import life

    by = who(author)
    _take(alert, life.acknowledge(by, note), by, note)


@app.command()
def resolve(alert: Id, note: Note = "", author: Author = None) -> None:
    """Resolve an alert: it is over. A new one fires when its condition is met again."""
    from shared.alerts import life

    by = who(author)
    _take(alert, life.resolve(by, note), by, note)


def _take(alert: str, step: "Life", by: str, note: str) -> None:
    from services.alert.cli import alert_tables as tables
    from services.alert.cli.stores import open_stores

    with open_stores() as stores:
        found = _find(stores, alert).record
        subscription = stores.desk.subscription(found.subscription)
        record = None if subscription is None else subscription.record
        tables.show(*tables.one(stores.book.take(found.id, step, record, by=by, note=note)))


def _find(stores: "Stores", text: str) -> "HeldAlert":
    """The alert whose id is `text` or begins with it: an open one, else one that was resolved."""
    from shared.alerts.errors import UnknownAlert
    from shared.errors import LinegateError

    try:
        return stores.book.alert(text)
    except UnknownAlert:
        if len(text) < _SHORTEST:
            raise
    for some in (stores.book.open_alerts(), stores.book.closed_alerts(_CLOSED)):
        fitting = [held for held in some if held.record.id.startswith(text)]
        if len(fitting) > 1:
            raise LinegateError(f"{len(fitting)} alerts begin with {text}", hint="write more of its id")
        if fitting:
            return fitting[0]
    raise UnknownAlert(f"there is no alert {text}", hint="`linegate alerts list --state any` shows them")


for command in (watch, silencing.silence, silencing.silences, silencing.unsilence):
    app.command()(command)
