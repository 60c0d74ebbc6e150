"""`/v1/silences`: when messages are kept back, e.g. during maintenance."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.alerts import openapi
from services.gateway.alerts.desk import AlertDesk
from services.gateway.alerts.entries import (
    Name,
    author,
    changed_from,
    refuse_before_reading,
    refuse_foreign,
    seen,
    worked_on,
)
from services.gateway.alerts.refusals import unknown
from services.gateway.alerts.subscription_bodies import Silences, SilenceShown, read_silence
from services.gateway.guard import Guard
from services.gateway.preconditions import entity_tag, not_modified, of_change
from shared.alerts.desk import HeldSilence
from shared.auth import Permission, Principal
from shared.events import now
from shared.registry.place_key import WILDCARD

_ONE = "/silences/{name}"
_WHAT = "silence"
_log = structlog.get_logger(__name__)


class SilenceQuery(BaseModel):
    """Which silences."""

    model_config = ConfigDict(extra="forbid")

    over: bool = Field(False, description="Also those that are over.")


def silence_routes(guard: Guard, desk: AlertDesk) -> APIRouter:
    """The routes, in a router that guards them all."""
    router = APIRouter(prefix="/v1", dependencies=[Security(guard)])
    Reader = Annotated[Principal, Security(guard, scopes=[Permission.READ_VERDICT])]  # noqa: N806 - a type
    Manager = Annotated[Principal, Security(guard, scopes=[Permission.MANAGE_ALERTS])]  # noqa: N806 - a type

    @router.get("/silences", **openapi.SILENCES)
    async def silences(principal: Reader, query: Annotated[SilenceQuery, Query()]) -> Silences:
        """The silences at your plants, those of every plant among them, since they hold at yours too."""
        found, at = await desk.ask(lambda kept: kept.desk.silences()), now()
        shown = [SilenceShown.of(held, at) for held in found.values() if _holds_for(principal, held)]
        return Silences(silences=[one for one in shown if query.over or one.state != "over"])

    @router.get(_ONE, response_model=SilenceShown, **openapi.SILENCE)
    async def silence(request: Request, response: Response, name: Name, principal: Reader) -> SilenceShown | Response:
        """One silence."""
        held = await desk.ask(lambda kept: kept.desk.silence(name))
        if held is None or not _holds_for(principal, held):
            raise unknown(_WHAT, name)
        tag = {"ETag": entity_tag(held.revision)}
        if not_modified(request, held.revision):
            return Response(status_code=304, headers=tag)
        response.headers.update(tag)
        return SilenceShown.of(held, now())

    @router.put(_ONE, **openapi.PUT_SILENCE)
    async def put(request: Request, response: Response, name: Name, principal: Manager) -> SilenceShown:
        """Keep the messages of some places back for a while: alerts go on, and say so."""
        held = await desk.ask(lambda kept: kept.desk.silence(name))
        refuse_before_reading(request, principal, held)
        wanted = await read_silence(request, name, author(principal))
        expected = changed_from(_WHAT, name, principal, held, of_change(request))
        refuse_foreign(request, principal, wanted.scope)
        revision = await desk.ask(lambda kept: kept.desk.put_silence(wanted, expected=expected))
        response.status_code = 201 if expected is None else 200
        response.headers["ETag"] = entity_tag(revision)
        _log.info("silence changed", silence=name, revision=revision, subject=principal.subject)
        return SilenceShown.of(HeldSilence(revision=revision, record=wanted), now())

    @router.delete(_ONE, status_code=204, **openapi.DELETE_SILENCE)
    async def delete(request: Request, name: Name, principal: Manager) -> None:
        """End a silence now: what still fires is told."""
        found = await desk.ask(lambda kept: kept.desk.silence(name))
        if found is not None and _holds_for(principal, found):
            refuse_foreign(request, principal, found.record.scope)
        held = worked_on(_WHAT, name, request, principal, found)
        of_change(request).check(held.revision)
        by = author(principal)
        await desk.ask(lambda kept: kept.desk.remove_silence(name, expected=held.revision, author=by))
        _log.info("silence removed", silence=name, subject=principal.subject)

    return router


def _holds_for(principal: Principal, held: HeldSilence) -> bool:
    return held.record.scope.plant == WILDCARD or seen(principal, held.record.scope)
