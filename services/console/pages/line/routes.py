"""`/line`: what each line does now, and whether the workers work."""

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.console.deps import Deps
from services.console.pages.line.view import cards
from services.console.visitor import Here, Visitor
from shared.events import now


def routes(deps: Deps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/line")

    @router.get("")
    async def page(request: Request, visitor: Here) -> HTMLResponse:
        return _show(deps, request, visitor, "line/page.html")

    @router.get("/lines")
    async def lines(request: Request, visitor: Here) -> HTMLResponse:
        return _show(deps, request, visitor, "line/lines.html")

    @router.get("/faults")
    async def faults(request: Request, visitor: Here) -> HTMLResponse:
        return _show(deps, request, visitor, "line/faults.html")

    @router.get("/workers")
    async def workers(request: Request, visitor: Here) -> HTMLResponse:
        return _show(deps, request, visitor, "line/workers.html")

    return router


def _show(deps: Deps, request: Request, visitor: Visitor, template: str) -> HTMLResponse:
    live = deps.live
    minutes = int(live.history / timedelta(minutes=1))
    with live.memory.reading():
        found = cards(live.memory.lines(), visitor.shown, at=now(), history_minutes=minutes)
    faults = [fault for fault in live.memory.faults() if visitor.sees(fault.plant)]
    return deps.screen.page(
        request,
        template,
        plants=found,
        minutes=minutes,
        workers=live.workers,
        away_since=live.away_since,
        current=live.current,
        faults=faults,
    )
