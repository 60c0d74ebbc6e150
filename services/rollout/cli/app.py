"""`linegate rollout`: say and change which model version judges where."""

from typing import Annotated

import typer

from services.rollout.cli import entries, guard, steps
from services.rollout.cli.judge import judge
from services.rollout.cli.options import open_registry, valid_version
from shared.cli.options import Key, place_key

app = typer.Typer(help="Say and change which model version judges where.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """Every assignment and every station configuration."""
    from services.rollout.cli import tables
    from shared.cli.tables import show

    with open_registry() as registry:
        snapshot = registry.snapshot()
    show(tables.assignments(snapshot), tables.stations(snapshot))


@app.command()
def show(key: Key) -> None:
    """What is in force at a place, by which entry, and at which stage each version is there."""
    from services.rollout.cli import tables
    from shared.cli.tables import show

    with open_registry() as registry:
        show(*tables.in_force(registry.snapshot(), place_key(key)))


@app.command()
def versions(
    name: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Tell all of this one.", show_default=False)
    ] = None,
) -> None:
    """Every registered model version, newest first, with its stages; or all that is known of one."""
    from services.rollout.cli import versions_table
    from shared.cli.tables import show
    from shared.registry.errors import UnknownVersion

    chosen = None if name is None else valid_version(name)
    with open_registry() as registry:
        snapshot = registry.snapshot()
    if chosen is None:
        show(versions_table.versions(snapshot))
        return
    record = snapshot.version(chosen)
    if record is None:
        raise UnknownVersion(f"version {chosen} is not registered", hint="`linegate rollout versions` lists them")
    show(versions_table.version(snapshot, record))


@app.command()
def history(
    key: Annotated[
        str | None,
        typer.Argument(metavar="[KEY]", help="Only changes at this key and those under it.", show_default=False),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many changes.")] = 20,
) -> None:
    """The latest changes, newest first: who, what, why, before and after."""
    from services.rollout.cli import history_table
    from shared.cli.tables import show

    under = None if key is None else place_key(key)
    with open_registry() as registry:
        show(history_table.history(registry.history(count, under)))


for command in (
    steps.shadow,
    steps.canary,
    steps.promote,
    steps.rollback,
    steps.pause,
    steps.resume,
    guard.guard,
    judge,
    entries.assign,
    entries.unassign,
    entries.station,
):
    app.command()(command)
