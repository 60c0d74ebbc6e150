"""The alerts page: what is open, what is over, and one alert with its history."""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.console.deps import Deps
from services.console.pages.alerts import view
from services.console.pages.alerts.act import action_routes
from services.console.pages.alerts.found import found
from services.console.pages.alerts.history import steps_of
from services.console.pages.silences.routes import routes as silences
from services.console.pages.subscriptions.view import visible as subscribed
from services.console.visitor import Here, Visitor
from shared.alerts.records import Alert

CLOSED_SHOWN: Final = 50
DELIVERIES_READ: Final = 500


def routes(deps: Deps) -> APIRouter:
    """The routes under `/alerts`."""
    router = APIRouter()
    # In this order: a word such as `list` or `silences` would be taken for an alert's id.
    router.include_router(silences(deps))
    router.include_router(_list_routes(deps))
    router.include_router(_one_routes(deps))
    router.include_router(action_routes(deps))
    return router


def _list_routes(deps: Deps) -> APIRouter:
    router, screen = APIRouter(prefix="/alerts"), deps.screen

    def listed(visitor: Visitor) -> dict[str, Any]:
        return {
            "open": view.rows(deps.book.open_alerts(), visitor),
            "closed": view.rows(deps.book.closed_alerts(CLOSED_SHOWN), visitor),
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
        held = [one.record for one in deps.book.open_alerts() if view.visible(one.record, visitor)]
        firing = sum(alert.state == "firing" for alert in held)
        return screen.page(request, "alerts/count.html", count=len(held), firing=firing)

    return router


def _one_routes(deps: Deps) -> APIRouter:
    router, screen = APIRouter(prefix="/alerts/{alert_id}"), deps.screen

    def whole(alert: Alert, visitor: Visitor) -> dict[str, Any]:
        steps, complete = steps_of(deps.book, alert)
        held = deps.desk.subscription(alert.subscription)
        sent = deps.deliveries.recent(alert.subscription, DELIVERIES_READ)
        return {
            "row": view.row(alert, visitor),
            "subscribed": held is not None and subscribed(held.record.scope, visitor),
            "steps": steps[::-1],
            "complete": complete,
            "deliveries": [one for one in sent if one.alert == alert.id],
            "view": view,
        }

    @router.get("")
    def detail(request: Request, visitor: Here, alert_id: str) -> HTMLResponse:
        return screen.page(request, "alerts/detail.html", **whole(found(deps, visitor, alert_id), visitor))

    @router.get("/detail")
    def detail_part(request: Request, visitor: Here, alert_id: str) -> HTMLResponse:
        return screen.page(request, "alerts/one.html", **whole(found(deps, visitor, alert_id), visitor))

    return router
