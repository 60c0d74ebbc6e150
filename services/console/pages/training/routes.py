"""`/training`: jobs of the training service."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.console.deps import Deps
from services.console.pages.training.view import jobs
from services.console.visitor import Here, Visitor
from shared.registry.visible import visible


def routes(deps: Deps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/training")

    @router.get("")
    def page(request: Request, visitor: Here) -> HTMLResponse:
        return deps.screen.page(request, "training/page.html", **_listed(deps, visitor))

    @router.get("/jobs")
    def listed(request: Request, visitor: Here) -> HTMLResponse:
        return deps.screen.page(request, "training/jobs.html", **_listed(deps, visitor))

    return router


def _listed(deps: Deps, visitor: Visitor) -> dict[str, Any]:
    snapshot = visible(deps.registry.snapshot(), visitor.principal)
    found = jobs(deps.jobs.jobs(), may_see=visitor.sees, known_versions=snapshot.versions)
    return {
        "under_way": [job for job in found if job.under_way],
        "over": [job for job in found if not job.under_way],
    }
