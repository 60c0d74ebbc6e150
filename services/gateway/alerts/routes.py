"""`/v1/alerts`: what fires, and who takes care of it.

An alert is of its group's plant. One whose subscription does not group by plant is of all of them, and shown to those
who may read at every plant.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Path, Query, Request, Response, Security

from services.gateway.alerts import openapi
from services.gateway.alerts.bodies import AlertQuery, Alerts, AlertShown, AlertStepTaken
from services.gateway.alerts.desk import AlertDesk, Kept
from services.gateway.alerts.entries import author
from services.gateway.guard import Guard, refuse_foreign_plant
from services.gateway.json_body import read_body
from services.gateway.preconditions import Precondition, entity_tag, failed, not_modified, where_given
from shared.alerts import life
from shared.alerts.errors import AlertMoved, UnknownAlert
from shared.alerts.records import HeldAlert
from shared.auth import Permission, Principal

CLOSED_LOOKED_AT: Final = 1000
"""Of the resolved ones, the latest so many are looked through."""
_ONE: Final = "/alerts/{alert_id}"
_STEPS: Final[dict[str, Callable[[str, str], life.Life]]] = {"acknowledge": life.acknowledge, "resolve": life.resolve}
_log = structlog.get_logger(__name__)
AlertId = Annotated[str, Path(min_length=1, max_length=128, description="The alert's id.")]


def alert_routes(guard: Guard, desk: AlertDesk) -> APIRouter:
    """The routes, in a router that guards them all."""
    router = APIRouter(prefix="/v1", dependencies=[Security(guard)])
    Reader = Annotated[Principal, Security(guard, scopes=[Permission.READ_VERDICT])]  # noqa: N806 - a type

    @router.get("/alerts", **openapi.ALERTS)
    async def alerts(principal: Reader, query: Annotated[AlertQuery, Query()]) -> Alerts:
        """The alerts that you may see: those that are open, the latest first, or those that you ask for."""

        def read(kept: Kept) -> list[HeldAlert]:
            found = [] if query.state == "resolved" else kept.book.open_alerts()
            if query.state in ("resolved", "any"):
                found += kept.book.closed_alerts(CLOSED_LOOKED_AT)
            return found

        wanted = [held for held in await desk.ask(read) if _seen(held, principal) and query.wants(held.record)]
        return Alerts(alerts=[AlertShown.of(held) for held in wanted[: query.count]])

    @router.get(_ONE, response_model=AlertShown, **openapi.ALERT)
    async def alert(
        request: Request, response: Response, alert_id: AlertId, principal: Reader
    ) -> AlertShown | Response:
        """One alert. One of a plant where you may not read is answered as one that does not exist."""
        held = await desk.ask(lambda kept: _find(kept, alert_id, principal))
        tag = {"ETag": entity_tag(held.revision)}
        if not_modified(request, held.revision):
            return Response(status_code=304, headers=tag)
        response.headers.update(tag)
        return AlertShown.of(held)

    for name, step in _STEPS.items():
        router.add_api_route(
            f"{_ONE}/{name}",
            _step(guard, desk, name, step),
            methods=["POST"],
            operation_id=f"{name}_alert",
            **openapi.ALERT_STEPS[name],
        )
    return router


def _step(guard: Guard, desk: AlertDesk, name: str, step: Callable[[str, str], life.Life]) -> Callable[..., Any]:
    async def take(
        request: Request,
        response: Response,
        alert_id: AlertId,
        principal: Annotated[Principal, Security(guard, scopes=[Permission.MANAGE_ALERTS])],
    ) -> AlertShown:
        # Who may not, learns nothing else; and a body of a stranger is never read.
        found = await desk.ask(lambda kept: _find(kept, alert_id, principal))
        refuse_foreign_plant(request, principal, Permission.MANAGE_ALERTS, found.record.group.plant)
        note = (await read_body(request, AlertStepTaken)).note
        based_on, by = where_given(request), author(principal)
        held = await desk.ask(lambda kept: _take(kept, alert_id, step(by, note), by, note, based_on))
        response.headers["ETag"] = entity_tag(held.revision)
        _log.info("alert changed", alert=alert_id, step=name, subject=principal.subject)
        return AlertShown.of(held)

    return take


def _take(  # noqa: PLR0917 - called in one place
    kept: Kept, alert_id: str, step: life.Life, by: str, note: str, based_on: Precondition | None
) -> HeldAlert:
    held = kept.book.alert(alert_id)
    if based_on is not None:
        based_on.check(held.revision)
    subscription = kept.desk.subscription(held.record.subscription)
    try:
        return kept.book.take(
            alert_id,
            step,
            None if subscription is None else subscription.record,
            by=by,
            note=note,
            expected=None if based_on is None or based_on.any_revision else held.revision,
        )
    except AlertMoved:
        raise failed(kept.book.alert(alert_id).revision) from None


def _find(kept: Kept, alert_id: str, principal: Principal) -> HeldAlert:
    held = kept.book.alert(alert_id)
    if not _seen(held, principal):
        raise UnknownAlert(f"there is no alert {alert_id}")
    return held


def _seen(held: HeldAlert, principal: Principal) -> bool:
    return principal.may(Permission.READ_VERDICT, held.record.group.plant)
