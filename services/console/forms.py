"""What forms of several pages share: fields with their values, and what is wrong with them. Pure but for `sent`."""

from dataclasses import dataclass, field
from typing import Final

from fastapi import Request

Values = dict[str, tuple[str, ...]]
"""A form's fields as a browser sends them, each with its values."""
Errors = dict[str, str]
"""By field: what is wrong, a message of the catalogue. A fault of none of them stands under the empty name."""
ON: Final = ("on",)
"""What a ticked box sends."""
MOST_FIELDS: Final = 500
"""More than any form of ours has."""


class FormWrong(Exception):
    """Some fields are wrong.

    Attributes:
        errors: which, and what they take.
    """

    def __init__(self, errors: Errors) -> None:
        super().__init__(", ".join(sorted(errors)))
        self.errors: Final = errors


@dataclass(frozen=True)
class Draft:
    """A form as a template shows it: what was typed, and what is wrong with it."""

    values: Values
    errors: Errors = field(default_factory=dict)

    def one(self, name: str) -> str:
        """A field's value as it was typed."""
        return next(iter(self.values.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        """A field's values."""
        return self.values.get(name, ())

    def ticked(self, name: str, value: str = "on") -> bool:
        """Whether a box is ticked."""
        return value in self.values.get(name, ())

    def wrong(self, name: str) -> str:
        """What is wrong with a field, a message of the catalogue; empty where nothing is."""
        return self.errors.get(name, "")

    @property
    def first(self) -> str | None:
        """The first field that is wrong: it gets the focus."""
        return next(iter(self.errors), None)


def one(values: Values, name: str) -> str:
    """A field's value, without spaces around it; empty where it was not sent."""
    return next(iter(values.get(name, ())), "").strip()


async def sent(request: Request) -> Values:
    """The fields of a request's form; a FastAPI dependency."""
    values: Values = {}
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        for name, value in form.multi_items():
            if isinstance(value, str):
                values[name] = (*values.get(name, ()), value)
    return values
