"""`linegate train`: make model versions here, or ask the training service for them.

Each command is a function in a file of its own, found by its line in `COMMANDS` and imported when it is looked at.
`fit` is what `linegate train PHOTOS` means.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperGroup

from shared.cli.commands import mounted

COMMANDS: Final = {
    "fit": "training.cli.fit:fit",
    "request": "training.cli.request:request",
    "jobs": "training.cli.jobs:jobs",
    "follow": "training.cli.follow:follow",
    "cancel": "training.cli.cancel:cancel",
    "recalibrate": "training.recalibrate.command:recalibrate",
    "collect": "training.collect.command:collect",
    "many": "training.cli.many:many",
}
"""Name -> module:function, in the order in which the help lists them."""
DEFAULT: Final = "fit"


class TrainGroup(TyperGroup):
    """Commands by `COMMANDS`; what is no command is an argument of `fit`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command; None where there is no such name."""
        del ctx
        if (target := COMMANDS.get(cmd_name)) is None:
            return None
        module, _, function = target.partition(":")
        return mounted(cmd_name, getattr(import_module(module), function))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `fit` in front of an option or a path."""
        if args and args[0] not in ctx.help_option_names and _is_for_fit(args[0]):
            args = [DEFAULT, *args]
        return list(super().parse_args(ctx, args))


def _is_for_fit(word: str) -> bool:
    """A folder of a command's name is `./name`. What looks like a path is one, so that a missing folder is told of."""
    if word in COMMANDS:
        return False
    return word.startswith("-") or "/" in word or Path(word).suffix != "" or Path(word).exists()


train = typer.Typer(
    cls=TrainGroup,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Make model versions. `linegate train PHOTOS ...` is short for `linegate train fit PHOTOS ...`.",
)


@train.callback()
def _train() -> None:
    """Typer wants one where there are no commands of its own."""
