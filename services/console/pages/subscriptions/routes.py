"""The subscriptions page: its list; the editor and the page of each are files of their own."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.console.deps import Deps
from services.console.pages.subscriptions import view
from services.console.pages.subscriptions.channels import channel_routes
from services.console.pages.subscriptions.detail import detail_routes
from services.console.pages.subscriptions.editor import editor_routes
from services.console.pages.subscriptions.save import save_routes
from services.console.visitor import Here, Visitor
from shared.events import now


def routes(deps: Deps) -> APIRouter:
    """The routes under `/subscriptions`."""
    router = APIRouter()

    def listed(visitor: Visitor) -> dict[str, Any]:
        moment = now()
        shown = view.shown(deps.desk.subscriptions().values(), visitor)
        cards = [view.card(held, visitor, moment, deps.deliveries.disabled(held.record.id)) for held in shown]
        return {"cards": cards, "target": view.target, "place": view.place}

    @router.get("/subscriptions")
    def page(request: Request, visitor: Here) -> HTMLResponse:
        return deps.screen.page(request, "subscriptions/page.html", **listed(visitor))

    @router.get("/subscriptions/_list")
    def part(request: Request, visitor: Here) -> HTMLResponse:
        return deps.screen.page(request, "subscriptions/list.html", **listed(visitor))

    router.include_router(editor_routes(deps))
    router.include_router(save_routes(deps))
    router.include_router(detail_routes(deps))
    router.include_router(channel_routes(deps))
    return router
