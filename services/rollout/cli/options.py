"""What the commands of `linegate rollout` share: their arguments, and what these become."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from shared.registry.client import Registry

ModelT = TypeVar("ModelT")
Version = Annotated[str, typer.Argument(help="A registered version; `versions` lists them.", metavar="VERSION")]
Expect = Annotated[
    int | None,
    typer.Option(
        min=0, help="Change only if the entry still has this revision (0: only if there is none). See `show`."
    ),
]


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
