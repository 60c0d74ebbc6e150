"""`linegate alerts silence|silences|unsilence`: when messages are kept back, e.g. during maintenance."""

from datetime import datetime
from typing import Annotated

import typer

from services.alert.cli.options import moment, seconds, understood
from shared.cli.options import Author, Key, Note, place_key, who

Until = Annotated[
    datetime | None,
    typer.Option(parser=understood(moment), metavar="TIME", help="Until then, e.g. 2026-11-24T14:00+01:00."),
]
Begin = Annotated[
    datetime | None, typer.Option("--from", parser=understood(moment), metavar="TIME", help="Not before; now.")
]
For = Annotated[float | None, typer.Option("--for", parser=seconds, metavar="DURATION", help="For so long.")]


def silence(  # noqa: PLR0917 - Typer reads the command line from the signature
    key: Key,
    duration: For = None,
    until: Until = None,
    begin: Begin = None,
    condition: Annotated[
        list[str] | None, typer.Option(help="Only this kind, e.g. no_photos; may be repeated.", metavar="KIND")
    ] = None,
    name: Annotated[str | None, typer.Option("--id", help="Its id; made of place and time by default.")] = None,
    author: Author = None,
    note: Note = "",
) -> None:
    """Keep the messages of a place back for a while. Alerts go on, and what still fires then is told."""
    from datetime import timedelta

    from services.alert.cli import alert_tables as tables
    from services.alert.cli.options import checked
    from services.alert.cli.stores import open_stores
    from shared.alerts.desk import HeldSilence
    from shared.alerts.records import Silence
    from shared.errors import LinegateError
    from shared.events import now
    from shared.registry.errors import RevisionConflict

    if (duration is None) == (until is None):
        raise typer.BadParameter("say how long: --for 2h, or --until 2026-11-24T14:00+01:00")
    place, since = place_key(key), begin or now()
    if duration is not None and duration > 366 * 86_400:
        raise typer.BadParameter("--for: a year at most")
    end = until if duration is None else since + timedelta(seconds=duration)
    fields: dict[str, object] = {
        "id": name or f"{place.plant.replace('*', 'all')[:40]}-{now():%Y%m%d-%H%M%S}",
        "scope": place,
        "conditions": condition or (),
        "begin": since,
        "end": end,
        "by": who(author),
        "note": note,
    }
    try:
        record = checked(Silence, fields)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with open_stores() as stores:
        try:
            revision = stores.desk.put_silence(record, expected=None)
        except RevisionConflict:
            raise LinegateError(f"there is a silence {record.id} already", hint="choose another --id") from None
    tables.show(tables.silences([HeldSilence(revision=revision, record=record)]))


def silences(over: Annotated[bool, typer.Option("--over", help="Also those that are over.")] = False) -> None:
    """The silences that hold or are to come."""
    from services.alert.cli import alert_tables as tables
    from services.alert.cli.stores import open_stores
    from shared.events import now

    with open_stores() as stores:
        found = stores.desk.silences().values()
    tables.show(tables.silences(held for held in found if over or held.record.end > now()))


def unsilence(
    name: Annotated[str, typer.Argument(metavar="ID", help="The silence's id; `silences` lists them.")],
    author: Author = None,
) -> None:
    """End a silence now: what still fires is told."""
    from services.alert.cli.stores import open_stores
    from shared.errors import LinegateError

    with open_stores() as stores:
        held = stores.desk.silence(name)
        if held is None:
            raise LinegateError(f"there is no silence {name}", hint="`linegate alerts silences` lists them")
        stores.desk.remove_silence(name, expected=held.revision, author=who(author))
    typer.echo(f"silence {name} is ended")
