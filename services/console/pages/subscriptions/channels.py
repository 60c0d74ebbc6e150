"""Channels of a subscription: tried, enabled, given a new secret; deliveries put back."""

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.console.deps import Deps
from services.console.pages.subscriptions.detail import DELIVERIES_SHOWN, detail_page
from services.console.pages.subscriptions.store import channel_of, managed
from services.console.problems import NotFound, PageError
from services.console.screen import Toast
from services.console.visitor import Here
from services.console.words import N_
from shared.alerts.errors import UnknownMessage
from shared.alerts.sample import sample_message

_ABOUT = "subscriptions/about.html"
_DELIVERIES = "subscriptions/deliveries.html"
_log = structlog.get_logger(__name__)


def channel_routes(deps: Deps) -> APIRouter:
    """The routes under `/subscriptions/{name}/channels` and `/deliveries`."""
    router = APIRouter(prefix="/subscriptions/{name}")

    @router.post("/deliveries/{message}/redrive")
    def redrive(request: Request, visitor: Here, name: str, message: str) -> HTMLResponse:
        managed(deps, visitor, name)
        if all(one.message != message for one in deps.deliveries.recent(name, DELIVERIES_SHOWN)):
            raise NotFound(N_("There is no such message"))
        try:
            deps.deliveries.redrive(message)
        except UnknownMessage:
            raise PageError(
                409,
                N_("This message is no longer kept"),
                hint=N_("It was delivered meanwhile, or given up long ago."),
            ) from None
        _log.info("delivery put back", subscription=name, message=message, subject=visitor.name)
        toast = Toast(visitor.words._("Put back: it is tried again now"))
        return detail_page(deps, request, visitor, name, template=_DELIVERIES, toast=toast)

    @router.post("/channels/{channel}/test")
    def test(request: Request, visitor: Here, name: str, channel: str) -> HTMLResponse:
        record = managed(deps, visitor, name).record
        channel_of(record, channel)
        deps.book.put_message(sample_message(record, channel, visitor.name))
        _log.info("channel tried", subscription=name, channel=channel, subject=visitor.name)
        toast = Toast(
            visitor.words._("A test message is on its way"),
            "ok",
            visitor.words._("The delivery log below tells how it went."),
        )
        return detail_page(deps, request, visitor, name, template=_DELIVERIES, toast=toast)

    @router.post("/channels/{channel}/enable")
    def enable(request: Request, visitor: Here, name: str, channel: str) -> HTMLResponse:
        channel_of(managed(deps, visitor, name).record, channel)
        deps.deliveries.enable(name, channel)
        _log.info("channel enabled", subscription=name, channel=channel, subject=visitor.name)
        toast = Toast(visitor.words._("The channel gets messages again"))
        return detail_page(deps, request, visitor, name, template=_ABOUT, toast=toast)

    @router.post("/channels/{channel}/secret")
    def secret(request: Request, visitor: Here, name: str, channel: str) -> HTMLResponse:
        found = channel_of(managed(deps, visitor, name).record, channel)
        if found.kind != "webhook":
            raise PageError(422, N_("Only webhooks have a secret"))
        secrets = {channel: deps.desk.new_secret(name, channel)}
        _log.info("webhook secret renewed", subscription=name, channel=channel, subject=visitor.name)
        return detail_page(deps, request, visitor, name, template=_ABOUT, secrets=secrets)

    return router
