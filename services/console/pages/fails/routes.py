"""`/fails`."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.console.deps import Deps
from services.console.visitor import Here


def routes(deps: Deps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/fails")

    @router.get("")
    async def page(request: Request, visitor: Here) -> HTMLResponse:
        return deps.screen.page(request, "fails/page.html", plants=visitor.shown)

    return router
