"""`linegate registry`: all of the registry as one file, and back."""

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.options import Author, Note, who

app = typer.Typer(help="Keep all of the registry as one file, and put it back.", no_args_is_help=True)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Is replaced in one step.", metavar="FILE")],
    force: Annotated[
        bool, typer.Option("--force", help="Also replace a file of a later revision, or one that is no export.")
    ] = False,
) -> None:
    """Write everything: revision, versions, assignments, stations and the whole audit."""
    from services.registry.export_file import ExportRejected, pack, read_source
    from shared.files import write_atomically
    from shared.registry.archive import RegistryArchive
    from shared.settings import load_settings

    with RegistryArchive(load_settings().redis) as archive:
        contents = archive.read()
    if file.exists() and not force:
        # A backup is most needed when the registry was lost, and a schedule goes on: it must not be the next loss.
        before = read_source(file).contents.revision
        if before > contents.revision:
            raise ExportRejected(
                f"{file} is of revision {before}, the registry is at {contents.revision}: was it emptied or set back?",
                hint="`linegate registry import` puts the file back; --force replaces it",
            )
    try:
        write_atomically(file, pack(contents))
    except OSError as error:
        raise ExportRejected(f"cannot write {file}: {error.strerror}") from None
    typer.echo(
        f"{file}: revision {contents.revision}, {len(contents.versions)} versions, {len(contents.assignments)} "
        f"assignments, {len(contents.stations)} stations, {len(contents.audit)} changes"
    )


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="An export, or a worker's registry-score.json.", metavar="FILE")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace a registry that is not empty.")] = False,
    above: Annotated[
        int, typer.Option(min=0, metavar="REVISION", help="The new revision is above this: what workers know of.")
    ] = 0,
    author: Author = None,
    note: Note = "",
) -> None:
    """Put everything back in one step, at a revision that workers take over. The audit keeps what it has."""
    from services.registry.bundles import lacking
    from services.registry.export_file import read_source
    from shared.registry.archive import RegistryArchive
    from shared.registry.backup import BackupRejected, understood
    from shared.settings import load_settings
    from shared.store import ArtifactStore

    source = read_source(file)
    snapshot = understood(source.contents)
    settings = load_settings()
    with RegistryArchive(settings.redis) as archive:
        there = archive.read()
        if not there.empty and not replace:
            raise BackupRejected(
                f"the registry is not empty: revision {there.revision}, {len(there.versions)} versions, "
                f"{len(there.assignments)} assignments",
                hint="look at it (`linegate rollout list`); --replace puts the file in its place",
            )
        told = f"{note}{'; ' if note else ''}{source.told}"
        revision = archive.replace(there, source.contents, above=above, author=who(author), note=told)
    typer.echo(
        f"restored {len(snapshot.versions)} versions, {len(snapshot.assignments)} assignments and "
        f"{len(snapshot.stations)} stations from {source.told}; the registry is at revision {revision}"
    )
    if not source.has_audit:
        typer.echo("a worker's copy has no audit: what is told of the past is what the registry had itself")
    for line in lacking(snapshot, ArtifactStore(settings.store)):
        typer.echo(f"warning: {line}", err=True)
