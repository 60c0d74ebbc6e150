"""Find the commands by entry point, so that the root knows no wing and a broken one does not take down the others."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from shared.errors import LinegateError

GROUP: Final = "linegate.commands"


class CommandUnavailable(LinegateError):
    """A command is installed but cannot be loaded."""


class EntryPointGroup(TyperGroup):
    """A group whose commands are the entry points of `linegate.commands`: a Typer app or a plain function each."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the installed commands, sorted."""
        del ctx
        return sorted(entry_points(group=GROUP).names)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load a command; one that cannot be loaded is there too, and tells why."""
        del ctx
        found = entry_points(group=GROUP, name=cmd_name)
        if not found:
            return None
        app = _load(next(iter(found)))
        command = get_command(app)
        command.name = cmd_name
        return command


def _load(entry_point: EntryPoint) -> typer.Typer:
    try:
        target = entry_point.load()
    except Exception as error:  # noqa: BLE001 - a module may fail to import in any way; the other commands must work
        return _unavailable(entry_point.name, error)
    if isinstance(target, typer.Typer):
        return target
    app = typer.Typer(add_completion=False)
    app.command(name=entry_point.name)(target)
    return app


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
