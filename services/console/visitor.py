"""Whoever looks at a page: who, in which language, at which plants."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from services.console.problems import Forbidden
from services.console.words import Words
from shared.auth import Permission, Principal

MAX_SUBJECT: Final = 256
THEMES: Final = ("auto", "light", "dark")


@dataclass(frozen=True)
class Visitor:
    """One visitor of one request."""

    principal: Principal
    words: Words
    plants: tuple[str, ...]
    """Every known plant whose verdicts they may read, in order."""
    plant: str | None
    """The one they look at; None: all of `plants`."""
    signed_in: bool
    """False where nobody is asked who they are."""

    @property
    def name(self) -> str:
        """Who, as it is written into events."""
        return self.principal.subject[:MAX_SUBJECT]

    @property
    def shown(self) -> tuple[str, ...]:
        """The plants to show."""
        return self.plants if self.plant is None else (self.plant,)

    def has(self, permission: Permission) -> bool:
        """Whether they have a permission anywhere."""
        return self.principal.has(permission)

    def may(self, permission: Permission, plant: str | None) -> bool:
        """Whether they have a permission at a plant; where that is None, at every one."""
        return self.principal.may(permission, plant)

    def sees(self, plant: str | None) -> bool:
        """Whether something of this plant is to be shown to them now; of every plant where that is None."""
        if plant is None:
            return True
        return self.may(Permission.READ_VERDICT, plant) and self.plant in (None, plant)

    def must(self, permission: Permission, plant: str | None) -> None:
        """Let them pass.

        Raises:
            Forbidden: they have no such permission there.
        """
        if not self.may(permission, plant):
            raise Forbidden(permission, plant)


def visitor_of(request: Request) -> Visitor:
    """Who asks. Set by the door, through which every page's requests come."""
    found: Visitor = request.state.visitor
    return found


Here = Annotated[Visitor, Depends(visitor_of)]
"""The type of a handler's parameter that is the visitor."""


def readable(principal: Principal, known: Iterable[str]) -> tuple[str, ...]:
    """Of the known plants and those that the principal names, the ones whose verdicts it may read."""
    named = {plant for plant in principal.plants if plant != "*"}
    return tuple(plant for plant in sorted({*known, *named}) if principal.may(Permission.READ_VERDICT, plant))
