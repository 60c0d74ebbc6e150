"""What a person says to an alert: I take care of it; it is over."""

import json
from collections.abc import Callable
from typing import Annotated, Final, Literal

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from services.console.deps import Deps
from services.console.pages.alerts import view
from services.console.pages.alerts.found import found
from services.console.problems import PageError
from services.console.screen import Toast, person
from services.console.visitor import Here, Visitor
from services.console.words import N_
from shared.alerts import life
from shared.alerts.errors import AlertClosed, AlreadyAcknowledged
from shared.alerts.records import SYSTEM, Alert
from shared.auth import Permission

LONGEST_NOTE: Final = 1024
Action = Literal["acknowledge", "resolve"]
_LIVES: Final[dict[Action, Callable[[str, str], life.Life]]] = {
    "acknowledge": life.acknowledge,
    "resolve": life.resolve,
}
_log = structlog.get_logger(__name__)


def action_routes(deps: Deps) -> APIRouter:
    """The routes of the dialog: `/alerts/{alert_id}/acknowledge` and `/resolve`."""
    router = APIRouter(prefix="/alerts/{alert_id}")

    @router.get("/{action}")
    def ask(request: Request, visitor: Here, alert_id: str, action: Action) -> HTMLResponse:
        alert = found(deps, visitor, alert_id)
        visitor.must(Permission.MANAGE_ALERTS, alert.group.plant)
        row = view.row(alert, visitor)
        return deps.screen.page(request, "alerts/dialog.html", row=row, action=action, longest=LONGEST_NOTE)

    @router.post("/{action}")
    def act(visitor: Here, alert_id: str, action: Action, note: Annotated[str, Form()] = "") -> Response:
        alert = found(deps, visitor, alert_id)
        visitor.must(Permission.MANAGE_ALERTS, alert.group.plant)
        note = note.strip()
        if len(note) > LONGEST_NOTE:
            raise PageError(422, N_("The note is too long"), hint=N_("At most 1024 characters."))
        toast = _take(deps, alert, action, visitor, note)
        deps.live.changes.tell("alerts", alert.group.plant)
        return Response(status_code=204, headers=_told(toast))

    return router


def _take(deps: Deps, alert: Alert, action: Action, visitor: Visitor, note: str) -> Toast:
    """Take the step; what to say about it. That somebody was faster is no error: they take care of it."""
    words = visitor.words
    held = deps.desk.subscription(alert.subscription)
    step = _LIVES[action](visitor.name, note)
    try:
        deps.book.take(alert.id, step, None if held is None else held.record, by=visitor.name, note=note)
    except AlreadyAcknowledged as first:
        who, when = person(first.by), words.time(first.at, alert.group.plant)
        return Toast(
            words._("%(who)s already takes care of it, since %(when)s", who=who, when=when),
            "info",
            words._("Nothing was changed; your note was not kept."),
        )
    except AlertClosed:
        now_is = deps.book.alert(alert.id).record
        who, when = person(now_is.resolved_by or SYSTEM), words.time(now_is.resolved, alert.group.plant)
        return Toast(
            words._("It was resolved already by %(who)s, %(when)s", who=who, when=when),
            "info",
            words._("A new alert comes when its condition is met again."),
        )
    _log.info("alert taken care of", alert=alert.id, action=action, subject=visitor.name)
    if action == "acknowledge":
        return Toast(words._("Acknowledged: you take care of it"))
    return Toast(words._("Resolved"))


def _told(toast: Toast) -> dict[str, str]:
    """The toast, and the word to the page that its alerts changed, should its live connection be away."""
    events = json.loads(toast.header()["HX-Trigger"])
    return {"HX-Trigger": json.dumps({**events, "alerts-changed": None})}
