"""What can go wrong with a request, told as a page, or as a toast where a part of a page asked."""

from typing import Final

from services.console.words import N_
from shared.auth import Permission
from shared.errors import LinegateError


class PageError(LinegateError):
    """A request that cannot be answered as asked.

    Args:
        status: HTTP status.
        message: what is wrong, a message of the catalogue.
        hint: what to do about it, likewise.
        values: of the placeholders in both.
    """

    def __init__(self, status: int, message: str, *, hint: str | None = None, **values: object) -> None:
        super().__init__(message, hint=hint)
        self.status: Final = status
        self.values: Final = values


class NotFound(PageError):
    """There is no such thing, or it may not be seen: the answer is the same."""

    def __init__(self, message: str = N_("There is no such page"), *, hint: str | None = None) -> None:
        super().__init__(404, message, hint=hint or N_("The menu shows what there is."))


class Forbidden(PageError):
    """Known, and not permitted."""

    def __init__(self, permission: Permission, plant: str | None) -> None:
        where = plant or "*"
        super().__init__(
            403,
            N_("You have no permission %(permission)s at %(plant)s"),
            hint=N_("Ask whoever gave you the key for the role or the plant."),
            permission=str(permission),
            plant=where,
        )


class SignInNeeded(Exception):
    """Nobody is signed in, or no longer.

    Args:
        reason: a message of the catalogue; None where they simply have not signed in yet.
    """

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or "")
        self.reason: Final = reason
