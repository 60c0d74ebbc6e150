"""The alerts page: what is open, what is over, and what a person says to it."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from services.console.deps import Deps
from services.console.pages.alerts import view
from services.console.pages.alerts.history import steps_of
from services.console.pages.silences.routes import routes as silences
from services.console.pages.subscriptions.view import visible as subscribed
from services.console.problems import NotFound, PageError
from services.console.screen import Toast
from services.console.visitor import Here, Visitor
from services.console.words import N_
from shared.alerts import life
from shared.alerts.errors import AlertClosed, AlreadyAcknowledged, UnknownAlert
from shared.alerts.records import Alert
from shared.auth import Permission

CLOSED_SHOWN: Final = 50
LONGEST_NOTE: Final = 1024
DELIVERIES_READ: Final = 500
Action = Literal["acknowledge", "resolve"]
_LIVES: Final[dict[Action, Callable[[str, str], life.Life]]] = {
    "acknowledge": life.acknowledge,
    "resolve": life.resolve,
}
_log = structlog.get_logger(__name__)


def routes(deps: Deps) -> APIRouter:
    """The routes under `/alerts`."""
    router = APIRouter(prefix="/alerts")
    screen = deps.screen

    def found(alert_id: str, visitor: Visitor) -> Alert:
        """The alert; where it may not be seen, as if there were none."""
        try:
            alert = deps.book.alert(alert_id).record
        except UnknownAlert:
            raise NotFound(N_("There is no such alert, or it was forgotten")) from None
        if not view.visible(alert, visitor):
            raise NotFound(N_("There is no such alert, or it was forgotten"))
        return alert

    def listed(visitor: Visitor) -> dict[str, Any]:
        return {
            "open": view.rows(deps.book.open_alerts(), visitor),
            "closed": view.rows(deps.book.closed_alerts(CLOSED_SHOWN), visitor),
            "view": view,
        }

    def whole(alert: Alert, visitor: Visitor) -> dict[str, Any]:
        steps, complete = steps_of(deps.book, alert)
        sent = [one for one in deps.deliveries.recent(alert.subscription, DELIVERIES_READ) if one.alert == alert.id]
        held = deps.desk.subscriptions().get(alert.subscription)
        return {
            "row": view.row(alert, visitor),
            "subscribed": held is not None and subscribed(held.record.scope, visitor),
            "steps": steps[::-1],
            "complete": complete,
            "deliveries": sent,
            "view": view,
        }

    @router.get("")
    def page(request: Request, visitor: Here) -> HTMLResponse:
        return screen.page(request, "alerts/page.html", **listed(visitor))

    @router.get("/list")
    def part(request: Request, visitor: Here) -> HTMLResponse:
        return screen.page(request, "alerts/list.html", **listed(visitor))

    @router.get("/count")
    def count(request: Request, visitor: Here) -> HTMLResponse:
        held = [one for one in deps.book.open_alerts() if view.visible(one.record, visitor)]
        return screen.page(
            request,
            "alerts/count.html",
            count=len(held),
            firing=sum(one.record.state == "firing" for one in held),
        )

    # Before the ids: its paths would be taken for one.
    root = APIRouter()
    root.include_router(silences(deps))

    @router.get("/{alert_id}")
    def detail(request: Request, visitor: Here, alert_id: str) -> HTMLResponse:
        return screen.page(request, "alerts/detail.html", **whole(found(alert_id, visitor), visitor))

    @router.get("/{alert_id}/detail")
    def detail_part(request: Request, visitor: Here, alert_id: str) -> HTMLResponse:
        return screen.page(request, "alerts/one.html", **whole(found(alert_id, visitor), visitor))

    @router.get("/{alert_id}/{action}")
    def ask(request: Request, visitor: Here, alert_id: str, action: Action) -> HTMLResponse:
        alert = found(alert_id, visitor)
        visitor.must(Permission.MANAGE_ALERTS, alert.group.plant)
        return screen.page(
            request, "alerts/dialog.html", row=view.row(alert, visitor), action=action, longest=LONGEST_NOTE
        )

    @router.post("/{alert_id}/{action}")
    def act(visitor: Here, alert_id: str, action: Action, note: Annotated[str, Form()] = "") -> Response:
        alert = found(alert_id, visitor)
        visitor.must(Permission.MANAGE_ALERTS, alert.group.plant)
        note = note.strip()
        if len(note) > LONGEST_NOTE:
            raise PageError(422, N_("The note is too long"), hint=N_("At most 1024 characters."))
        toast = _take(deps, alert, action, visitor, note)
        deps.live.changes.tell("alerts", alert.group.plant)
        return Response(status_code=204, headers=_told(toast))

    root.include_router(router)
    return root


def _take(deps: Deps, alert: Alert, action: Action, visitor: Visitor, note: str) -> Toast:
    """Take the step; what to say about it. That somebody was faster is no error: they take care of it."""
    words = visitor.words
    held = deps.desk.subscriptions().get(alert.subscription)
    step = _LIVES[action](visitor.name, note)
    try:
        deps.book.take(alert.id, step, None if held is None else held.record, by=visitor.name, note=note)
    except AlreadyAcknowledged as first:
        who, when = _person(first.by), words.time(first.at, alert.group.plant)
        return Toast(
            words._("%(who)s already takes care of it, since %(when)s", who=who, when=when),
            "info",
            words._("Nothing was changed; your note was not kept."),
        )
    except AlertClosed:
        now_is = deps.book.alert(alert.id).record
        who, when = _person(now_is.resolved_by or ""), words.time(now_is.resolved, alert.group.plant)
        return Toast(
            words._("It was resolved already by %(who)s, %(when)s", who=who, when=when),
            "info",
            words._("A new alert comes when its condition is met again."),
        )
    _log.info("alert taken care of", alert=alert.id, action=action, subject=visitor.name)
    if action == "acknowledge":
        return Toast(words._("Acknowledged: you take care of it"))
    return Toast(words._("Resolved"))


def _person(subject: str) -> str:
    return subject.split(":", 1)[-1] or "linegate"


def _told(toast: Toast) -> dict[str, str]:
    """The toast, and the word to the page that its alerts changed, should its live connection be away."""
    events = json.loads(toast.header()["HX-Trigger"])
    return {"HX-Trigger": json.dumps({**events, "alerts-changed": None})}
