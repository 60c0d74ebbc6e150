"""Who may see and change an entry that holds at places: a subscription or a silence."""

from typing import Annotated, Final, TypeVar

from fastapi import Path, Request

from services.gateway.alerts.refusals import taken, unknown
from services.gateway.guard import refuse_foreign_plant
from services.gateway.preconditions import Precondition, failed
from shared.alerts.desk import HeldSilence, HeldSubscription
from shared.auth import Permission, Principal
from shared.registry.place_key import PlaceKey

MAX_SUBJECT: Final = 256
Held = HeldSubscription | HeldSilence
HeldT = TypeVar("HeldT", HeldSubscription, HeldSilence)
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="Its id.")]


def author(principal: Principal) -> str:
    """The name under which a change by `principal` is kept."""
    return principal.subject[:MAX_SUBJECT]


def seen(principal: Principal, scope: PlaceKey) -> bool:
    """Whether entries of `scope` are shown; those of every plant to whoever may read at every plant."""
    return principal.may(Permission.READ_VERDICT, scope.plant)


def managed(principal: Principal, scope: PlaceKey) -> bool:
    """Whether `principal` may change entries of `scope`."""
    return principal.may(Permission.MANAGE_ALERTS, scope.plant)


def refuse_foreign(request: Request, principal: Principal, scope: PlaceKey) -> None:
    """Let pass who may change entries of `scope`.

    Raises:
        ProblemError: 403.
    """
    refuse_foreign_plant(request, principal, Permission.MANAGE_ALERTS, scope.plant)


def refuse_before_reading(request: Request, principal: Principal, held: Held | None) -> None:
    """Before the body is read: who sees an entry and may not change it is refused.

    Raises:
        ProblemError: 403.
    """
    if held is not None and seen(principal, held.record.scope):
        refuse_foreign(request, principal, held.record.scope)


def changed_from(what: str, name: str, principal: Principal, held: Held | None, based_on: Precondition) -> int | None:
    """The revision that a change by `principal` is made to; None where the entry is a new one.

    An entry that the caller may not see is as if it did not exist, but its id cannot be had: ids are for all plants.

    Raises:
        ProblemError: 409 the id is taken, 412 the precondition does not hold.
    """
    if held is not None and not managed(principal, held.record.scope):
        raise taken(what, name) if based_on.absent else failed(None)
    found = None if held is None else held.revision
    based_on.check(found)
    return found


def worked_on(what: str, name: str, request: Request, principal: Principal, held: HeldT | None) -> HeldT:
    """The entry that `principal` may remove or work with.

    Raises:
        ProblemError: 404 there is none that they see, 403 they may not.
    """
    if held is None or not seen(principal, held.record.scope):
        raise unknown(what, name)
    refuse_foreign(request, principal, held.record.scope)
    return held
