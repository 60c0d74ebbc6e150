"""Find the commands by entry point, so that the root knows no wing and a broken one does not take down the others."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command

from shared.errors import LinegateError


class CommandUnavailable(LinegateError):
    """A command is installed but cannot be loaded."""


class EntryPointGroup(TyperGroup):
    """A group whose commands are entry points, each a Typer app or a plain function, beside those of its own."""

    ENTRY_POINTS: ClassVar[str] = "linegate.commands"

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of its own commands and of the installed ones, sorted."""
        return sorted({*super().list_commands(ctx), *entry_points(group=self.ENTRY_POINTS).names})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load a command; one that cannot be loaded is there too, and tells why."""
        if (own := super().get_command(ctx, cmd_name)) is not None:
            return own
        found = entry_points(group=self.ENTRY_POINTS, name=cmd_name)
        return mounted(cmd_name, _load(next(iter(found)))) if found else None


class WorkerGroup(EntryPointGroup):
    """`linegate serve`: the workers of every wing."""

    ENTRY_POINTS: ClassVar[str] = "linegate.workers"


def mounted(name: str, target: Any) -> Any:
    """The command that a Typer app or a plain function makes under a name."""
    if not isinstance(target, typer.Typer):
        function, target = target, typer.Typer(add_completion=False)
        target.command(name=name)(function)
    command = get_command(target)
    command.name = name
    return command


def _load(entry_point: EntryPoint) -> Any:
    try:
        return entry_point.load()
    except Exception as error:  # noqa: BLE001 - a module may fail to import in any way; the other commands must work
        return _unavailable(entry_point.name, error)


def _unavailable(name: str, error: Exception) -> typer.Typer:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.command(
        name=name,
        help=f"(unavailable: {reason})",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def unavailable() -> None:
        raise CommandUnavailable(
            f"the command {name} is unavailable: {reason}", hint="`linegate doctor` looks for the cause"
        ) from error

    return app
