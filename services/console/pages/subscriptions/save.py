"""What the editor saves: by compare-and-swap, with secrets for new webhooks."""

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from services.console.deps import Deps
from services.console.forms import Draft, Errors, FormWrong, Values, one, sent
from services.console.pages.subscriptions import values as form
from services.console.pages.subscriptions.detail import detail_page
from services.console.pages.subscriptions.editor import editor_page
from services.console.pages.subscriptions.names import free_name
from services.console.pages.subscriptions.read import read
from services.console.pages.subscriptions.store import managed
from services.console.pages.subscriptions.view import plant_of
from services.console.screen import Toast
from services.console.visitor import Here, Visitor
from services.console.words import N_
from shared.alerts.desk import HeldSubscription
from shared.alerts.subscription import Subscription
from shared.auth import Permission
from shared.registry.errors import RevisionConflict

Sent = Annotated[Values, Depends(sent)]
_FORM: Final = "subscriptions/form.html"
_TAKEN: Final = N_("There is one of this name already.")
_log = structlog.get_logger(__name__)


def save_routes(deps: Deps) -> APIRouter:
    """The routes under `/subscriptions`."""
    router = APIRouter(prefix="/subscriptions")

    @router.post("")
    def create(request: Request, visitor: Here, values: Sent) -> HTMLResponse:
        taken = deps.desk.subscriptions()
        name = one(values, "id") or free_name(one(values, "title"), taken, fallback=one(values, "condition"))
        try:
            record = read({**values, "id": (name,)})
            visitor.must(Permission.MANAGE_ALERTS, plant_of(record.scope))
            revision = _put(deps, visitor, record, expected=None)
        except FormWrong as wrong:
            return editor_page(deps, request, visitor, _marked(values, wrong.errors), template=_FORM)
        except RevisionConflict:
            return editor_page(deps, request, visitor, _marked(values, {"id": _TAKEN}), template=_FORM)
        return _saved(deps, request, visitor, HeldSubscription(revision=revision, record=record), None)

    @router.post("/{name}")
    def save(request: Request, visitor: Here, name: str, values: Sent) -> HTMLResponse:
        held = managed(deps, visitor, name)
        sent_revision = one(values, "revision")
        based_on = int(sent_revision) if sent_revision.isdecimal() else -1
        seen = held.model_copy(update={"revision": based_on})
        try:
            record = read({**values, "id": (name,)})
            visitor.must(Permission.MANAGE_ALERTS, plant_of(record.scope))
            revision = _put(deps, visitor, record, expected=based_on)
        except FormWrong as wrong:
            return editor_page(deps, request, visitor, _marked(values, wrong.errors), template=_FORM, held=seen)
        except RevisionConflict:
            # What was typed stays, based on what it was: only whoever looks at the other's change may lose it.
            now_is = deps.desk.subscription(name)
            conflict = {"by": None if now_is is None else now_is.record.owner, "name": name}
            draft = _marked(values, {})
            return editor_page(deps, request, visitor, draft, template=_FORM, held=seen, conflict=conflict)
        return _saved(deps, request, visitor, HeldSubscription(revision=revision, record=record), held.record)

    return router


def _saved(
    deps: Deps, request: Request, visitor: Visitor, held: HeldSubscription, before: Subscription | None
) -> HTMLResponse:
    """The page of what was saved, in place of the form, with the secrets that are told this once."""
    record = held.record
    secrets = _make_secrets(deps, record, before)
    deps.live.changes.tell("subscriptions", plant_of(record.scope))
    toast = Toast(visitor.words._("Saved"))
    answer = detail_page(deps, request, visitor, record.id, secrets=secrets, toast=toast)
    place = f"/subscriptions/{record.id}"
    answer.headers.update({"HX-Retarget": "#content", "HX-Reswap": "innerHTML show:window:top", "HX-Push-Url": place})
    return answer


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
