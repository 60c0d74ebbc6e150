"""The editor: make, change, copy."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from services.console.deps import Deps
from services.console.forms import Draft, Values, one, sent
from services.console.pages.alerts.view import CONDITIONS
from services.console.pages.subscriptions import scope_form
from services.console.pages.subscriptions import values as form
from services.console.pages.subscriptions.fields import CONDITION_FIELDS, TAKES
from services.console.pages.subscriptions.store import first_plant, managed, places_seen, seen
from services.console.pages.subscriptions.view import DAYS, FAULTS
from services.console.visitor import Here, Visitor
from services.console.words import N_
from shared.alerts.desk import HeldSubscription

Sent = Annotated[Values, Depends(sent)]
_TAKEN: Final = N_("There is one of this name already.")
_ZONES: Final = sorted(available_timezones())
_log = structlog.get_logger(__name__)


CHOICES: Final[dict[str, Any]] = {
    "conditions": CONDITIONS,
    "condition_fields": CONDITION_FIELDS,
    "takes": TAKES,
    "labels": {**scope_form.LABELS, "part": N_("Part")},
    "cameras": scope_form.CAMERAS,
    "unsaid": scope_form.UNSAID,
    "faults": FAULTS,
    "days": DAYS,
    "zones": _ZONES,
    "groups": ("plant", "line", "station", "layout", "camera", "part"),
    "units": {"min": N_("minutes"), "h": N_("hours"), "d": N_("days"), "s": N_("seconds")},
    "kinds": {"webhook": N_("Webhook"), "email": N_("E-mail"), "mqtt": N_("MQTT (light)")},
    "icons": {"webhook": "webhook", "email": "mail", "mqtt": "lightbulb"},
}


def editor_page(
    deps: Deps,
    request: Request,
    visitor: Visitor,
    draft: Draft,
    *,
    template: str = "subscriptions/editor.html",
    held: HeldSubscription | None = None,
    conflict: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    """The editor, or the part of it that `template` is.

    Args:
        deps: the parts.
        request: that is answered.
        visitor: who edits.
        draft: what was typed, and what is wrong with it.
        template: what of it.
        held: what is changed, at the revision that the change is based on; None for a new one.
        conflict: by whom it was changed meanwhile.
    """
    return deps.screen.page(
        request,
        template,
        form=draft,
        name=None if held is None else held.record.id,
        revision="" if held is None else str(held.revision),
        conflict=conflict,
        suggestions=scope_form.suggestions(places_seen(deps, visitor), visitor.plants),
        **CHOICES,
    )


def editor_routes(deps: Deps) -> APIRouter:
    """The routes under `/subscriptions`. What is no name begins with `_`, as no name can."""
    router = APIRouter(prefix="/subscriptions")

    @router.get("/_new")
    def new(request: Request, visitor: Here, copy: str | None = None) -> HTMLResponse:
        if copy is not None:
            record = seen(deps, visitor, copy).record
            title = visitor.words._("Copy of %(title)s", title=record.title or record.id)[:128]
            return editor_page(deps, request, visitor, Draft(form.copied(form.values_of(record), title)))
        plant = first_plant(visitor)
        zone = visitor.words.zone(plant).key
        return editor_page(deps, request, visitor, Draft(form.blank(plant or "*", zone, visitor.words.language)))

    @router.post("/_form")
    def changed(request: Request, visitor: Here, values: Sent) -> HTMLResponse:
        """A part of the form after a step that is no save: `do` says which."""
        do, _, what = one(values, "do").partition(":")
        left = {name: kept for name, kept in values.items() if name != "do"}
        if do == "condition":
            left = form.with_defaults(left, one(left, "condition"))
            return editor_page(deps, request, visitor, Draft(left), template="subscriptions/condition.html")
        there, _, kind = what.partition(":")
        where: form.Where = "escalation.channels" if there == "escalation.channels" else "channels"
        # Also names that are removed in this very form are not given again.
        left["known"] = tuple({*left.get("known", ()), *left.get("channels", ()), *left.get("escalation.channels", ())})
        if do == "add":
            left = form.add_channel(left, where, kind, left["known"])
        elif do == "remove":
            left = form.remove_channel(left, kind)
        return deps.screen.page(
            request,
            "subscriptions/channels.html",
            form=Draft(left),
            where=where,
            added=do == "add",
            removed=do == "remove",
            **CHOICES,
        )

    @router.get("/{name}/edit")
    def edit(request: Request, visitor: Here, name: str) -> HTMLResponse:
        held = managed(deps, visitor, name)
        return editor_page(deps, request, visitor, Draft(form.values_of(held.record)), held=held)

    return router
