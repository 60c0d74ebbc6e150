"""One subscription: what it is, its channels, and how deliveries went."""

from collections.abc import Mapping
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse

from services.console.answers import is_part
from services.console.deps import Deps
from services.console.pages.alerts.view import STEPS
from services.console.pages.subscriptions import view
from services.console.pages.subscriptions.scope_form import LABELS
from services.console.pages.subscriptions.store import managed, seen
from services.console.problems import PageError
from services.console.screen import Toast
from services.console.visitor import Here, Visitor
from services.console.words import N_
from shared.alerts.advice import warnings
from shared.events import now
from shared.registry.errors import RevisionConflict

DELIVERIES_SHOWN = 100
_log = structlog.get_logger(__name__)


def detail_page(
    deps: Deps,
    request: Request,
    visitor: Visitor,
    name: str,
    *,
    template: str = "subscriptions/detail.html",
    secrets: Mapping[str, str] | None = None,
    toast: Toast | None = None,
) -> HTMLResponse:
    """The page of a subscription, or a part of it.

    Args:
        deps: the parts.
        request: that is answered.
        visitor: who looks.
        name: of the subscription.
        template: the page, or a part.
        secrets: of channels, by name: shown this once.
        toast: shown beside it.
    """
    held = seen(deps, visitor, name)
    context: dict[str, Any] = {
        "card": view.card(held, visitor, now(), deps.deliveries.disabled(name)),
        "target": view.target,
        "place": view.place,
        "labels": {**LABELS, "part": N_("Part")},
        "is_part": is_part(request),
        "secrets": secrets or {},
        "advice": warnings(held.record, deps.settings.network),
        "secured": {
            channel.name
            for channel in held.record.all_channels()
            if channel.kind == "webhook" and deps.desk.secret(name, channel.name) is not None
        },
        **_deliveries(deps, name),
    }
    return deps.screen.page(request, template, toast=toast, **context)


def _deliveries(deps: Deps, name: str) -> dict[str, Any]:
    recent = deps.deliveries.recent(name, DELIVERIES_SHOWN)
    latest: dict[str, int] = {}
    for at, delivery in enumerate(recent):
        latest.setdefault(delivery.message, at)
    return {
        "deliveries": recent,
        "latest": frozenset(latest.values()),
        "waiting": [one for one in deps.deliveries.waiting() if one.subscription == name],
        "steps": STEPS,
    }


def detail_routes(deps: Deps) -> APIRouter:
    """The routes under `/subscriptions/{name}`."""
    router = APIRouter(prefix="/subscriptions/{name}")

    @router.get("")
    def page(request: Request, visitor: Here, name: str) -> HTMLResponse:
        return detail_page(deps, request, visitor, name)

    @router.get("/about")
    def about(request: Request, visitor: Here, name: str) -> HTMLResponse:
        return detail_page(deps, request, visitor, name, template="subscriptions/about.html")

    @router.get("/deliveries")
    def deliveries(request: Request, visitor: Here, name: str) -> HTMLResponse:
        return detail_page(deps, request, visitor, name, template="subscriptions/deliveries.html")

    @router.post("/enabled")
    def switch(
        request: Request, visitor: Here, name: str, revision: Annotated[int, Form()], enabled: Annotated[bool, Form()]
    ) -> HTMLResponse:
        record = managed(deps, visitor, name).record.model_copy(update={"enabled": enabled})
        _unmoved(lambda: deps.desk.put_subscription(record, expected=revision, author=visitor.name))
        deps.live.changes.tell("subscriptions", view.plant_of(record.scope))
        text = visitor.words._("Switched on") if enabled else visitor.words._("Switched off: nobody is told")
        return detail_page(deps, request, visitor, name, template="subscriptions/about.html", toast=Toast(text))

    @router.post("/remove")
    def remove(visitor: Here, name: str, revision: Annotated[int, Form()]) -> Response:
        record = managed(deps, visitor, name).record
        _unmoved(lambda: deps.desk.remove_subscription(name, expected=revision, author=visitor.name))
        _log.info("subscription removed", subscription=name, subject=visitor.name)
        deps.live.changes.tell("subscriptions", view.plant_of(record.scope))
        return Response(status_code=204, headers={"HX-Redirect": "/subscriptions"})

    return router


def _unmoved(change: Any) -> None:
    try:
        change()
    except RevisionConflict:
        raise PageError(
            409,
            N_("Somebody else changed this subscription meanwhile"),
            hint=N_("Load the page again and look at it."),
        ) from None
