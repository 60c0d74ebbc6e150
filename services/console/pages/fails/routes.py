"""`/fails`: what failed, with pictures, and what people say of it; `/parts`: one part; `/evidence`: its pictures."""

import asyncio
from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from services.console.deps import Deps
from services.console.pages.fails.feedback import give
from services.console.pages.fails.past import find, past_view
from services.console.pages.fails.view import PartView, newest, part_view
from services.console.pictures import PictureName
from services.console.problems import NotFound, PageError
from services.console.screen import Toast
from services.console.visitor import Here, Visitor
from services.console.words import N_
from shared.auth import Permission
from shared.bus.errors import KafkaFailedError
from shared.events import Finding, Verdict
from shared.evidence import EvidenceRef, Pictured
from shared.history import PastVerdict
from shared.pixels import PixelsUnavailable
from shared.store.errors import StoreUnavailable

FIRST: Final = 24
"""Parts that are shown at first, and more with each step."""
MOST: Final = 240
Kind = Literal["fails", "passes"]
KEEP_PICTURE: Final = "private, max-age=86400, immutable"
"""A picture of a photo never changes; and it is the visitor's alone."""


def routes(deps: Deps) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.get("/fails")
    async def page(
        request: Request, visitor: Here, *, show: Kind = "fails", line: str | None = None, count: int = FIRST
    ) -> HTMLResponse:
        return _list(deps, request, visitor, "fails/page.html", show=show, line=line or None, count=count)

    @router.get("/fails/list")
    async def part_of_page(
        request: Request, visitor: Here, *, show: Kind = "fails", line: str | None = None, count: int = FIRST
    ) -> HTMLResponse:
        return _list(deps, request, visitor, "fails/list.html", show=show, line=line or None, count=count)

    @router.get("/parts/{plant}/{image:path}/verdict")
    async def part_of_part(request: Request, visitor: Here, plant: str, image: str) -> HTMLResponse:
        verdict = await _verdict(deps, visitor, plant, image)
        return _one(deps, request, visitor, verdict, "fails/verdict.html")

    @router.post("/parts/{plant}/{image:path}/feedback")
    async def feedback(
        request: Request,
        visitor: Here,
        plant: str,
        image: str,
        *,
        finding: Annotated[Finding, Form()],
        note: Annotated[str, Form()] = "",
        shown_as: Annotated[Literal["card", "verdict", "past"], Form()] = "card",
        at: Annotated[datetime | None, Form()] = None,
    ) -> HTMLResponse:
        verdict = await _verdict(deps, visitor, plant, image, at)
        new = await give(deps, visitor, verdict, finding, note)
        said = visitor.words._("Taken. Thank you.") if new else visitor.words._("You said that already.")
        toast = Toast(said, "ok" if new else "info")
        return _one(deps, request, visitor, verdict, f"fails/{shown_as}.html", toast=toast)

    @router.get("/parts/{plant}/{image:path}")
    async def part(
        request: Request, visitor: Here, plant: str, image: str, *, at: datetime | None = None
    ) -> HTMLResponse:
        verdict = await _verdict(deps, visitor, plant, image, at)
        return _one(deps, request, visitor, verdict, "fails/part.html")

    @router.get("/evidence/{plant}/{image:path}/{name}")
    def picture(visitor: Here, plant: str, image: str, name: PictureName, at: datetime | None = None) -> Response:
        visitor.must(Permission.READ_VERDICT, plant)
        of: Pictured | None = deps.live.memory.verdict(plant, image)
        if of is None and at is not None and at.tzinfo is not None:
            of = EvidenceRef(plant, image, at)
        try:
            found = None if of is None else deps.pictures.get(of, name)
        except (StoreUnavailable, KafkaFailedError, PixelsUnavailable):
            return Response(status_code=503, headers={"Retry-After": "5"})
        if found is None:
            return Response(status_code=404)
        return Response(found.data, media_type=found.mediatype, headers={"Cache-Control": KEEP_PICTURE})

    return router


def _list(
    deps: Deps, request: Request, visitor: Visitor, template: str, *, show: Kind, line: str | None, count: int
) -> HTMLResponse:
    memory = deps.live.memory
    count = min(max(count, 1), MOST)
    some = [getattr(memory, show)(plant, MOST if line else count + 1) for plant in visitor.shown]
    found = newest(some, count + 1, line=line)
    return deps.screen.page(
        request,
        template,
        show=show,
        line=line,
        parts=[_view(deps, visitor, verdict) for verdict in found[:count]],
        more=min(count + FIRST, MOST) if len(found) > count and count < MOST else None,
        count=count,
        away_since=deps.live.away_since,
        history_h=deps.settings.console.history_h,
    )


def _one(
    deps: Deps,
    request: Request,
    visitor: Visitor,
    verdict: Verdict | PastVerdict,
    template: str,
    *,
    toast: Toast | None = None,
) -> HTMLResponse:
    others = [one for one in deps.live.memory.history(verdict.plant, verdict.part) if one.image != verdict.image]
    past = past_view(deps, visitor, verdict) if isinstance(verdict, PastVerdict) else None
    return deps.screen.page(
        request,
        template,
        menu_page="fails",
        toast=toast,
        past=past is not None,
        part=_view(deps, visitor, verdict) if isinstance(verdict, Verdict) else past,
        others=[_view(deps, visitor, one) for one in others],
    )


def _view(deps: Deps, visitor: Visitor, verdict: Verdict) -> PartView:
    memory = deps.live.memory
    return part_view(
        verdict,
        memory.words(verdict.plant, verdict.image),
        map_held=memory.map(verdict.plant, verdict.image) is not None,
        may_judge=visitor.may(Permission.GIVE_FEEDBACK, verdict.plant),
    )


async def _verdict(
    deps: Deps, visitor: Visitor, plant: str, image: str, at: datetime | None = None
) -> Verdict | PastVerdict:
    """The verdict on a photo: as remembered, else out of the history where it is known when the photo was taken.

    Raises:
        PageError: it may not be seen, or is not to be found.
    """
    visitor.must(Permission.READ_VERDICT, plant)
    found: Verdict | PastVerdict | None = deps.live.memory.verdict(plant, image)
    if found is None and at is not None and at.tzinfo is not None:
        try:
            found = await asyncio.to_thread(find, deps, plant, image, at)
        except StoreUnavailable:
            raise PageError(
                503, N_("The store, which keeps older parts, does not answer"), hint=N_("Please try again in a moment.")
            ) from None
    if found is not None:
        return found
    if not deps.live.current:
        raise PageError(503, N_("The latest events are still being read"), hint=N_("Please try again in a moment."))
    raise NotFound(
        N_("The console does not remember this part"), hint=N_("The history knows what is older than an hour or so.")
    )
