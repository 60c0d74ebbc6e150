"""A step as the forms of the page send it."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.console.pages.rollouts.outcome import STEPS
from services.console.problems import NotFound, PageError
from services.console.words import N_
from shared.registry.steps import Step

_LONGEST: Final = 1024


class Asked(BaseModel):
    """The fields of a step's form, as text; those that a step does not know are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: str = Field("", max_length=_LONGEST)
    percent: str = Field("", max_length=32)
    what: str = Field("", max_length=32)
    """What a rollback takes back."""
    direct: str = Field("", max_length=8)
    """Not empty: also without a trial."""
    note: str = Field("", max_length=_LONGEST * 4)
    expected: str = Field("", max_length=32)
    """The revision that was shown; empty: there was no entry."""

    @property
    def based_on(self) -> int | None:
        """The revision that was shown; None: there was no entry.

        Raises:
            PageError: it is no number.
        """
        if not self.expected:
            return None
        if not self.expected.isdecimal():
            raise PageError(422, N_("Something in the form is not right"), hint=N_("Open the page anew."))
        return int(self.expected)

    def step(self, name: str) -> Step:
        """The step.

        Args:
            name: as the audit calls it.

        Raises:
            NotFound: there is no such step.
            PageError: a field is missing or wrong.
        """
        kind = STEPS.get(name)
        if kind is None:
            raise NotFound
        given = {
            "version": self.version or None,
            "percent": self.percent.replace(",", ".") or None,
            "what": self.what or None,
            "direct": bool(self.direct) or None,
            # One line: that is what the audit keeps.
            "note": " ".join(self.note.split())[:_LONGEST] or None,
        }
        known = {field: value for field, value in given.items() if value is not None and field in kind.model_fields}
        try:
            return kind.model_validate(known)
        except ValidationError as error:
            raise _refusal(str(error.errors()[0]["loc"][0])) from None


def _refusal(field: str) -> PageError:
    match field:
        case "percent":
            return PageError(422, N_("A share from 0 to 100 percent is needed"))
        case "version":
            return PageError(422, N_("No version was chosen"), hint=N_("Choose one in the list."))
        case "note":
            return PageError(422, N_("The note has characters that are not kept"), hint=N_("Write it in one line."))
        case _:
            return PageError(422, N_("Something in the form is not right"), hint=N_("Open the page anew."))
