"""What the commands of `linegate rollout` share: their arguments, and what these become."""

import getpass
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from shared.registry.client import Registry
    from shared.registry.place_key import PlaceKey

ModelT = TypeVar("ModelT")
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
Version = Annotated[str, typer.Argument(help="A registered version; `versions` lists them.", metavar="VERSION")]
Expect = Annotated[
    int | None,
    typer.Option(
        min=0, help="Change only if the entry still has this revision (0: only if there is none). See `show`."
    ),
]
Author = Annotated[str | None, typer.Option(callback=_one_line, help="Who changes it; your user name by default.")]
Note = Annotated[str, typer.Option(callback=_one_line, help="Why; kept in the audit.")]


def who(author: str | None) -> str:
    """The author of a change, by default whoever runs the command."""
    return author or getpass.getuser()


def expected(asked: int | None, held: int | None) -> int | None:
    """The revision a change is based on: what the caller saw, else what is there now. Revisions begin with 1."""
    return held if asked is None else (asked or None)


def based_on(asked: int | None) -> int | Literal["any"] | None:
    """The same, in the words of `Registry.advance`."""
    return "any" if asked is None else (asked or None)


@contextmanager
def open_registry() -> Iterator["Registry"]:
    """The registry of the settings."""
    from shared.registry.client import Registry
    from shared.settings import load_settings

    with Registry(load_settings().redis) as registry:
        yield registry


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


def valid(model: type[ModelT], **fields: object) -> ModelT:
    """A model of values from the command line.

    Raises:
        typer.BadParameter: a value is wrong.
    """
    from pydantic import ValidationError

    try:
        return model(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        told = first["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(f"{where}: {told}" if where else told) from None


def valid_version(text: str) -> str:
    """A version's name from the command line.

    Raises:
        typer.BadParameter: no version can be named so.
    """
    from pydantic import TypeAdapter, ValidationError

    from shared.events.base import VersionId

    try:
        return TypeAdapter(VersionId).validate_python(text)
    except ValidationError:
        raise typer.BadParameter(f"{text!r} is no version's name: lower case, digits, `.`, `_` and `-`") from None
