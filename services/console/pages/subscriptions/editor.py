"""The editor: make, change, copy."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from services.console import scope_form
from services.console.deps import Deps
from services.console.forms import Draft, Errors, FormWrong, Values, one, sent
from services.console.pages.alerts.view import CONDITIONS
from services.console.pages.subscriptions import values as form
from services.console.pages.subscriptions.detail import detail_page
from services.console.pages.subscriptions.fields import CONDITION_FIELDS, TAKES
from services.console.pages.subscriptions.names import free_name
from services.console.pages.subscriptions.read import read
from services.console.pages.subscriptions.store import first_plant, managed, places_seen, seen
from services.console.pages.subscriptions.view import DAYS, FAULTS, plant_of
from services.console.screen import Toast
from services.console.visitor import Here, Visitor
from services.console.words import N_
from shared.alerts.desk import HeldSubscription
from shared.alerts.subscription import Subscription
from shared.auth import Permission
from shared.registry.errors import RevisionConflict

Sent = Annotated[Values, Depends(sent)]
_TAKEN: Final = N_("There is one of this name already.")
_ZONES: Final = sorted(available_timezones())
_log = structlog.get_logger(__name__)


def editor_routes(deps: Deps) -> APIRouter:
    """The routes under `/subscriptions`. What is no name begins with `_`, as no name can."""
    router = APIRouter(prefix="/subscriptions")
    screen = deps.screen

    def show(
        request: Request,
        visitor: Visitor,
        draft: Draft,
        *,
        template: str = "subscriptions/editor.html",
        held: HeldSubscription | None = None,
        conflict: Mapping[str, Any] | None = None,
    ) -> HTMLResponse:
        return screen.page(
            request,
            template,
            form=draft,
            name=None if held is None else held.record.id,
            revision="" if held is None else str(held.revision),
            conflict=conflict,
            suggestions=scope_form.suggestions(places_seen(deps, visitor), visitor.plants),
            **_CHOICES,
        )

    @router.get("/_new")
    def new(request: Request, visitor: Here, copy: str | None = None) -> HTMLResponse:
        if copy is not None:
            record = seen(deps, visitor, copy).record
            title = visitor.words._("Copy of %(title)s", title=record.title or record.id)[:128]
            return show(request, visitor, Draft(form.copied(form.values_of(record), title)))
        plant = first_plant(visitor)
        zone = visitor.words.zone(plant).key
        return show(request, visitor, Draft(form.blank(plant or "*", zone, visitor.words.language)))

    @router.post("/_form")
    def changed(request: Request, visitor: Here, values: Sent) -> HTMLResponse:
        """A part of the form after a step that is no save: `do` says which."""
        do, _, what = one(values, "do").partition(":")
        left = {name: kept for name, kept in values.items() if name != "do"}
        if do == "condition":
            left = form.with_defaults(left, one(left, "condition"))
            return show(request, visitor, Draft(left), template="subscriptions/condition.html")
        there, _, kind = what.partition(":")
        where: form.Where = "escalation.channels" if there == "escalation.channels" else "channels"
        # Also names that are removed in this very form are not given again.
        left["known"] = tuple({*left.get("known", ()), *left.get("channels", ()), *left.get("escalation.channels", ())})
        if do == "add":
            left = form.add_channel(left, where, kind, left["known"])
        elif do == "remove":
            left = form.remove_channel(left, kind)
        return screen.page(
            request,
            "subscriptions/channels.html",
            form=Draft(left),
            where=where,
            added=do == "add",
            removed=do == "remove",
            **_CHOICES,
        )

    @router.post("")
    def create(request: Request, visitor: Here, values: Sent) -> HTMLResponse:
        taken = deps.desk.subscriptions()
        wish = one(values, "id")
        name = wish or free_name(one(values, "title"), taken, fallback=one(values, "condition"))
        try:
            record = read({**values, "id": (name,)})
            visitor.must(Permission.MANAGE_ALERTS, plant_of(record.scope))
            if name in taken:
                raise FormWrong({"id": _TAKEN})
            revision = _put(deps, visitor, record, expected=None)
        except FormWrong as wrong:
            return show(request, visitor, _marked(values, wrong.errors), template="subscriptions/form.html")
        except RevisionConflict:
            return show(request, visitor, _marked(values, {"id": _TAKEN}), template="subscriptions/form.html")
        return saved(request, visitor, HeldSubscription(revision=revision, record=record), None)

    @router.get("/{name}/edit")
    def edit(request: Request, visitor: Here, name: str) -> HTMLResponse:
        held = managed(deps, visitor, name)
        return show(request, visitor, Draft(form.values_of(held.record)), held=held)

    @router.post("/{name}")
    def save(request: Request, visitor: Here, name: str, values: Sent) -> HTMLResponse:
        held = managed(deps, visitor, name)
        based_on = one(values, "revision")
        template = "subscriptions/form.html"
        try:
            record = read({**values, "id": (name,)})
        except FormWrong as wrong:
            old = held.model_copy(update={"revision": int(based_on) if based_on.isdecimal() else -1})
            return show(request, visitor, _marked(values, wrong.errors), template=template, held=old)
        visitor.must(Permission.MANAGE_ALERTS, plant_of(record.scope))
        try:
            revision = _put(deps, visitor, record, expected=int(based_on) if based_on.isdecimal() else -1)
        except RevisionConflict:
            # What was typed stays, still based on what it was: only whoever looks at the other's change may lose it.
            now_is = deps.desk.subscriptions().get(name)
            conflict = {"by": None if now_is is None else now_is.record.owner, "name": name}
            old = held.model_copy(update={"revision": int(based_on) if based_on.isdecimal() else -1})
            return show(request, visitor, _marked(values, {}), template=template, held=old, conflict=conflict)
        return saved(request, visitor, HeldSubscription(revision=revision, record=record), held.record)

    def saved(request: Request, visitor: Visitor, held: HeldSubscription, before: Subscription | None) -> HTMLResponse:
        """The page of what was saved, in place of the form, with the secrets that are told this once."""
        record = held.record
        secrets = _make_secrets(deps, record, before)
        deps.live.changes.tell("subscriptions", plant_of(record.scope))
        toast = Toast(visitor.words._("Saved"))
        answer = detail_page(deps, request, visitor, record.id, secrets=secrets, toast=toast)
        place = f"/subscriptions/{record.id}"
        answer.headers.update(
            {"HX-Retarget": "#content", "HX-Reswap": "innerHTML show:window:top", "HX-Push-Url": place}
        )
        return answer

    return router


def _put(deps: Deps, visitor: Visitor, record: Subscription, *, expected: int | None) -> int:
    revision = deps.desk.put_subscription(record, expected=expected, author=visitor.name)
    _log.info("subscription saved", subscription=record.id, revision=revision, subject=visitor.name)
    return revision


def _make_secrets(deps: Deps, record: Subscription, before: Subscription | None) -> dict[str, str]:
    """A secret for each webhook that is new: also where one of its name has been before."""
    known = () if before is None else [one.name for one in before.all_channels() if one.kind == "webhook"]
    return {
        channel.name: deps.desk.new_secret(record.id, channel.name)
        for channel in record.all_channels()
        if channel.kind == "webhook" and channel.name not in known
    }


def _marked(values: Values, errors: Errors) -> Draft:
    return Draft(form.with_defaults(values, one(values, "condition")), errors)


_CHOICES: Final[dict[str, Any]] = {
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
