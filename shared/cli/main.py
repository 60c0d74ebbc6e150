"""The root command: thin, instant, and with one line for every error.

Exit status: 0 done, 1 an error, 2 a wrong command line. `LINEGATE_DEBUG=1` shows the traceback of an error.
"""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, NoReturn

import typer
from typer.main import get_command

from shared.cli.commands import EntryPointGroup
from shared.errors import LinegateError

root = typer.Typer(
    name="linegate",
    cls=EntryPointGroup,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        typer.echo(f"linegate {version('linegate')}")
    except PackageNotFoundError:
        typer.echo("linegate (not installed: run from its sources)")
    raise typer.Exit


@root.callback()
def linegate(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """A streaming visual quality gate: photos of parts in, pass/fail verdicts that say why out."""


def wait_passively() -> None:
    """Have OpenMP's threads sleep while they wait, unless somebody decided otherwise.

    They spin by default. Where crop and score share cores, each then burns what the other needs: five times the time
    per part was measured. OpenMP reads the variable once, when torch is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: without the program's name; the process's own by default.
    """
    wait_passively()
    try:
        get_command(root)(args=None if arguments is None else list(arguments), prog_name="linegate")
    except LinegateError as error:
        _tell(str(error), error.hint, error)
    except Exception as error:  # noqa: BLE001 - the last resort of the process: tell it in one line
        told = " ".join(str(error).split())
        _tell(
            f"unexpected {type(error).__name__}{': ' if told else ''}{told}",
            "this is a bug of Linegate; LINEGATE_DEBUG=1 shows where it happened",
            error,
        )
    sys.exit(0)


def _tell(message: str, hint: str | None, error: Exception) -> NoReturn:
    if os.environ.get("LINEGATE_DEBUG", "") not in ("", "0"):
        raise error
    typer.echo(f"error: {message}", err=True)
    if hint is not None:
        typer.echo(f"hint: {hint}", err=True)
    sys.exit(1)
