"""Arguments that several groups of commands share, and what these become."""

import getpass
import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from shared.registry.place_key import PlaceKey

_LONGEST: Final = {"author": 128, "note": 1024}
"""As the events that tell of a change have it, in characters."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _one_line(parameter: typer.CallbackParam, text: str | None) -> str | None:
    """What stands in the audit for ever is shown on terminals and sent in events."""
    longest = _LONGEST[str(parameter.name)]
    if text is not None and (len(text) > longest or _CONTROL.search(text)):
        raise typer.BadParameter(f"one line of at most {longest} characters")
    return text


Key = Annotated[
    str,
    typer.Argument(
        help="plant/line/station/layout/camera; * or nothing stands for any, e.g. munich/line-1.", metavar="KEY"
    ),
]
Author = Annotated[str | None, typer.Option(callback=_one_line, help="Who changes it; your user name by default.")]
Note = Annotated[str, typer.Option(callback=_one_line, help="Why; kept in the audit.")]


def who(author: str | None) -> str:
    """The author of a change, by default whoever runs the command."""
    return author or getpass.getuser()


def place_key(text: str) -> "PlaceKey":
    """A key from the command line.

    Raises:
        typer.BadParameter: it is none.
    """
    from pydantic import ValidationError

    from shared.registry.place_key import PlaceKey

    try:
        return PlaceKey.parse(text)
    except ValidationError:
        raise typer.BadParameter(
            f"{text!r} is no key: plant/line/station/layout/camera, lower case, * for any, camera stationary or mobile"
        ) from None
