"""`linegate subscriptions`: who is told of what, where, when and how.

Exit status: 0 done, 1 an error (also: a test was not delivered in time), 2 a wrong command line.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from services.alert.cli import editing
from services.alert.cli.options import Name, seconds
from shared.cli.options import Author, who

if TYPE_CHECKING:
    from services.alert.cli.stores import Stores
    from shared.alerts.delivery import Delivery

app = typer.Typer(help="Subscribe to alerts: who is told of what, where, when and how.", no_args_is_help=True)
Channel = Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel's name; `show` lists them.")]
LOOK_SECONDS = 0.2
_NAMED = "`linegate subscriptions show` lists its channels"


@app.command("list")
def list_() -> None:
    """Every subscription."""
    from services.alert.cli import subscription_tables as tables
    from services.alert.cli.stores import open_stores

    with open_stores() as stores:
        tables.show(tables.every(stores.desk.subscriptions().values()))


@app.command()
def show(
    name: Name,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, which `edit --file` takes.")] = False,
) -> None:
    """One subscription, its channels, and what waits for them."""
    from services.alert.cli import subscription_tables as tables
    from services.alert.cli.stores import known, open_stores

    with open_stores() as stores:
        held = known(stores, name)
        if as_json:
            typer.echo(held.record.model_dump_json(indent=2))
        else:
            tables.show(*tables.one(stores, held))


@app.command()
def remove(name: Name, expect: editing.Expect = None, author: Author = None) -> None:
    """Remove a subscription and its secrets. Its open alerts stay, and tell nobody any more."""
    from services.alert.cli.stores import known, open_stores

    with open_stores() as stores:
        held = known(stores, name)
        stores.desk.remove_subscription(name, expected=held.revision if expect is None else expect, author=who(author))
    typer.echo(f"subscription {name} is removed")


@app.command()
def secret(name: Name, channel: Channel) -> None:
    """Make a new secret for a webhook and print it, this once; the former one is void at once."""
    from services.alert.cli.stores import known, open_stores
    from shared.errors import LinegateError

    with open_stores() as stores:
        found = known(stores, name).record.channel(channel)
        if found is None or found.kind != "webhook":
            raise LinegateError(f"the subscription {name} has no webhook {channel}", hint=_NAMED)
        made = stores.desk.new_secret(name, channel)
    typer.echo(f"secret of {name}/{channel}; it is shown only now:", err=True)
    typer.echo(made)


@app.command("test")
def send_test(
    name: Name,
    channel: Annotated[
        str | None, typer.Argument(metavar="[CHANNEL]", help="All of them by default.", show_default=False)
    ] = None,
    wait: Annotated[str, typer.Option(metavar="DURATION", help="How long to wait for the delivery.")] = "15s",
    author: Author = None,
) -> None:
    """Send a test message to a subscription's channels and tell how it went. Exit status 1: not all were delivered."""
    from services.alert.cli import subscription_tables as tables
    from services.alert.cli.stores import known, open_stores
    from shared.alerts.sample import sample_message
    from shared.errors import LinegateError

    patience = seconds(wait)
    with open_stores() as stores:
        record = known(stores, name).record
        names = [one.name for one in record.all_channels() if channel in (None, one.name)]
        if not names:
            raise LinegateError(f"the subscription {name} has no channel {channel or 'yet'}", hint=_NAMED)
        sent = [sample_message(record, one, who(author)) for one in names]
        for message in sent:
            stores.book.put_message(message)
        found = _settled(stores, name, {message.id for message in sent}, patience)
        tables.show(tables.deliveries(found))
        late = [message.channel for message in sent if message.id not in {one.message for one in found}]
    if late:
        typer.echo(f"not tried within the time: {', '.join(late)}; does `linegate serve notify` run?", err=True)
    if late or any(one.outcome != "delivered" for one in found):
        raise typer.Exit(1)


def _settled(stores: "Stores", name: str, messages: set[str], wait: float) -> "list[Delivery]":
    """The latest attempt at each message, once all were tried or the time is over."""
    import time

    deadline = time.monotonic() + wait
    while True:
        latest: dict[str, Delivery] = {}
        for attempt in stores.deliveries.recent(name):
            if attempt.message in messages:
                latest.setdefault(attempt.message, attempt)
        if latest.keys() == messages or time.monotonic() >= deadline:
            return list(latest.values())
        time.sleep(LOOK_SECONDS)


@app.command()
def enable(name: Name, channel: Channel) -> None:
    """Give a channel messages again, after its receiver said that it wants none (HTTP 410) and was mended."""
    from services.alert.cli.stores import known, open_stores
    from shared.errors import LinegateError

    with open_stores() as stores:
        if known(stores, name).record.channel(channel) is None:
            raise LinegateError(f"the subscription {name} has no channel {channel}", hint=_NAMED)
        was_off = stores.deliveries.enable(name, channel)
    typer.echo(f"{name}/{channel} {'gets messages again' if was_off else 'was not disabled'}")


@app.command()
def deliveries(
    name: Name, count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many attempts.")] = 20
) -> None:
    """The delivery log, newest first: every attempt, and what the receiver said."""
    from services.alert.cli import subscription_tables as tables
    from services.alert.cli.stores import known, open_stores

    with open_stores() as stores:
        known(stores, name)
        tables.show(tables.deliveries(stores.deliveries.recent(name, count)))


@app.command()
def redrive(
    messages: Annotated[list[str], typer.Argument(metavar="MESSAGE...", help="Ids, as `deliveries` shows them.")],
) -> None:
    """Deliver again what was given up, under the same id; what waits is tried now."""
    from services.alert.cli.stores import open_stores

    with open_stores() as stores:
        for message in messages:
            put_back = stores.deliveries.redrive(message)
            typer.echo(f"{message} is in the outbox of {put_back.lane}")


app.command()(editing.add)
app.command()(editing.edit)
