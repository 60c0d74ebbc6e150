"""`linegate keys new`, `list`, `revoke`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

DEFAULT_FILE: Final = Path("keys.toml")
File = Annotated[
    Path | None,
    typer.Option("--file", help="The key file; auth.keys_file by default, else ./keys.toml.", dir_okay=False),
]

app = typer.Typer(
    help="Make, list and revoke keys for the HTTP services (docs/security-http.md).", no_args_is_help=True
)


@app.command()
def new(
    *,
    role: Annotated[list[str], typer.Option(help="camera, operator, supervisor or engineer; may be repeated.")],
    plant: Annotated[list[str], typer.Option(help="A plant, e.g. munich, or '*' for all; may be repeated.")],
    expires: Annotated[str | None, typer.Option(help="90d, 12h, 4w or a date and time; never by default.")] = None,
    note: Annotated[str, typer.Option(help="Whose key it is, for people.")] = "",
    file: File = None,
) -> None:
    """Make a key and print it, this once: the file keeps only its hash."""
    from services.keys.edit import add_key
    from services.keys.expiry import expiry
    from services.keys.record import new_record

    until = None if expires is None else expiry(expires, now=datetime.now(UTC))
    path = _key_file(file)
    token, record = new_record(roles=role, plants=plant, expires=until, note=note)
    add_key(path, record)
    typer.echo(f"key {record.id} is in force by {path}; it is shown only now:", err=True)
    typer.echo(token)


@app.command("list")
def list_keys(*, file: File = None) -> None:
    """Show the keys: id, roles, plants, expiry and note."""
    from rich.console import Console

    from services.keys.edit import read_keys
    from services.keys.record import table_of

    Console().print(table_of(read_keys(_key_file(file)), now=datetime.now(UTC)))


@app.command()
def revoke(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The key's id: the eight characters after lg_.")],
    *,
    file: File = None,
) -> None:
    """Take a key out of the file. Running services refuse it from the next request on."""
    from services.keys.edit import remove_key
    from services.keys.record import id_of

    path = _key_file(file)
    key = id_of(identity)
    remove_key(path, key)
    typer.echo(f"key {key} is revoked in {path}", err=True)


def _key_file(given: Path | None) -> Path:
    from shared.settings import load_settings

    return given or load_settings().auth.keys_file or DEFAULT_FILE
