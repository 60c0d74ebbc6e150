"""The silences page: messages of some places are kept back for a while, e.g. during maintenance."""

import secrets
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse

from services.console.deps import Deps
from services.console.forms import Draft, FormWrong, Values, sent
from services.console.pages.alerts.view import CONDITIONS
from services.console.pages.silences import form, view
from services.console.pages.subscriptions import scope_form
from services.console.pages.subscriptions.store import first_plant, places_seen
from services.console.pages.subscriptions.view import place, plant_of
from services.console.problems import NotFound, PageError
from services.console.screen import Toast
from services.console.visitor import Here, Visitor
from services.console.words import N_
from shared.auth import Permission
from shared.events import now
from shared.registry.errors import RevisionConflict

Sent = Annotated[Values, Depends(sent)]
_log = structlog.get_logger(__name__)


def routes(deps: Deps) -> APIRouter:
    """The routes under `/alerts/silences`."""
    router = APIRouter()
    router.include_router(_list_routes(deps))
    router.include_router(_form_routes(deps))
    return router


def _listed(deps: Deps, visitor: Visitor) -> dict[str, Any]:
    held = deps.desk.silences().values()
    return {"stages": view.cards(held, visitor, now()), "conditions": CONDITIONS, "place": place}


def _shown_form(deps: Deps, visitor: Visitor, draft: Draft) -> dict[str, Any]:
    scope, _ = scope_form.read_scope(draft.values)
    return {
        "form": draft,
        "zone": visitor.words.zone(plant_of(scope)).key,
        "conditions": CONDITIONS,
        "labels": scope_form.LABELS,
        "cameras": scope_form.CAMERAS,
        "unsaid": scope_form.UNSAID,
        "suggestions": scope_form.suggestions(places_seen(deps, visitor), visitor.plants),
    }


def _list_routes(deps: Deps) -> APIRouter:
    router = APIRouter(prefix="/alerts/silences")

    @router.get("")
    def page(request: Request, visitor: Here) -> HTMLResponse:
        return deps.screen.page(request, "silences/page.html", alone=False, **_listed(deps, visitor))

    @router.get("/list")
    def part(request: Request, visitor: Here) -> HTMLResponse:
        return deps.screen.page(request, "silences/list.html", **_listed(deps, visitor))

    @router.post("/{name}/end")
    def end(request: Request, visitor: Here, name: str, revision: Annotated[int, Form()]) -> HTMLResponse:
        held = deps.desk.silence(name)
        if held is None or not view.visible(held.record, visitor):
            raise NotFound(N_("There is no such silence"))
        plant = plant_of(held.record.scope)
        visitor.must(Permission.MANAGE_ALERTS, plant)
        try:
            deps.desk.remove_silence(name, expected=revision, author=visitor.name)
        except RevisionConflict:
            raise PageError(409, N_("Somebody else ended or changed it meanwhile")) from None
        _log.info("silence ended", silence=name, subject=visitor.name)
        deps.live.changes.tell("alerts", plant)
        toast = Toast(visitor.words._("Ended: messages go out again"))
        return deps.screen.page(request, "silences/list.html", toast=toast, **_listed(deps, visitor))

    return router


def _form_routes(deps: Deps) -> APIRouter:
    router = APIRouter(prefix="/alerts/silences")

    @router.get("/new")
    def new(request: Request, visitor: Here) -> HTMLResponse:
        plant = first_plant(visitor)
        draft = Draft(form.blank(plant or "", now(), visitor.words.zone(plant)))
        return deps.screen.page(request, "silences/new.html", **_shown_form(deps, visitor, draft))

    @router.post("/zone")
    async def zone(request: Request, visitor: Here, values: Sent) -> HTMLResponse:
        scope, _ = scope_form.read_scope(values)
        return deps.screen.page(request, "silences/zone.html", zone=visitor.words.zone(plant_of(scope)).key)

    @router.post("")
    def create(request: Request, visitor: Here, values: Sent) -> HTMLResponse:
        scope, wrong_scope = scope_form.read_scope(values)
        if not wrong_scope:
            visitor.must(Permission.MANAGE_ALERTS, plant_of(scope))
        zone, moment = visitor.words.zone(plant_of(scope)), now()
        name = f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        try:
            record = form.read(values, name, by=visitor.name, zone=zone, moment=moment)
        except FormWrong as wrong:
            context = _shown_form(deps, visitor, Draft(values, wrong.errors))
            return deps.screen.page(request, "silences/form.html", **context)
        deps.desk.put_silence(record)
        _log.info("silence made", silence=name, scope=str(record.scope), subject=visitor.name)
        deps.live.changes.tell("alerts", plant_of(record.scope))
        toast = Toast(visitor.words._("Silenced until %(when)s", when=visitor.words.full(record.end, plant_of(scope))))
        answer = deps.screen.page(request, "silences/bare.html", toast=toast, alone=True, **_listed(deps, visitor))
        answer.headers.update(
            {"HX-Retarget": "#content", "HX-Reswap": "innerHTML show:window:top", "HX-Push-Url": "/alerts/silences"}
        )
        return answer

    return router
