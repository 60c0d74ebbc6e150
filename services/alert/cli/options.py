"""What the commands share: their arguments, and what these become."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from shared.alerts.durations import parse_duration

if TYPE_CHECKING:
    from shared.alerts.records import Silence
    from shared.alerts.subscription import Subscription

ValueT = TypeVar("ValueT")
RecordT = TypeVar("RecordT", "Subscription", "Silence")


def _name(text: str) -> str:
    import re

    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,62}", text):
        raise typer.BadParameter("lower-case letters, digits, `.`, `_` and `-`, at most 63")
    return text


def understood(read: Callable[[str], ValueT]) -> Callable[[str], ValueT]:
    """`read` as the parser of an option: what it does not understand is a wrong command line."""

    def parse(text: str) -> ValueT:
        try:
            return read(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return parse


Name = Annotated[str, typer.Argument(metavar="ID", parser=_name, help="The subscription's id.", show_default=False)]
seconds = understood(parse_duration)
"""A duration of the command line."""


def moment(text: str) -> datetime:
    """A time of ISO 8601; without an offset by this machine's clock.

    Raises:
        ValueError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time: write e.g. 2026-11-24T14:00+01:00") from None
    return found.astimezone() if found.tzinfo is None else found


def checked(model: "type[RecordT]", fields: dict[str, object]) -> "RecordT":
    """A record of what was written.

    Raises:
        ValueError: something is wrong with it; one line for all fields.
    """
    from pydantic import ValidationError

    from shared.alerts.findings import findings

    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise ValueError("; ".join(map(str, findings(error)))) from None
