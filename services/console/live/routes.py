"""`GET /live`: tells a browser tab what changed, as server-sent events (WHATWG HTML, 9.2)."""

import json
import time
from collections.abc import AsyncIterator
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from services.console.live.changes import TOPICS, Changes, Topic
from services.console.problems import PageError
from services.console.visitor import Here, Visitor
from services.console.words import N_

LONGEST_SECONDS: Final = 600.0
"""Then the tab connects again, and with that shows anew who it is."""


def live_routes(changes: Changes, *, clients: int) -> APIRouter:
    """The route; it stands behind the door.

    Args:
        changes: to tell of.
        clients: that may follow at once.
    """
    router = APIRouter()

    @router.get("/live")
    async def live(request: Request, visitor: Here, topics: str = "") -> StreamingResponse:
        if changes.followers >= clients:
            raise PageError(
                503,
                N_("Too many browser tabs follow this console"),
                hint=N_("Close some; console.clients in the settings allows more."),
            )
        wanted = {topic for topic in TOPICS if topic in topics.split(",")}
        since = request.headers.get("last-event-id") or request.query_params.get("since")
        stream = _stream(changes, wanted, visitor, since)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    @router.get("/alive")
    async def alive() -> dict[str, str]:
        return {"status": "alive"}

    return router


async def _stream(changes: Changes, topics: set[Topic], visitor: Visitor, since: str | None) -> AsyncIterator[str]:
    ends = time.monotonic() + LONGEST_SECONDS
    async for change in changes.follow(topics, visitor.sees, since=since):
        # Every word names the position, so that also a tab that saw only beats knows from where to go on.
        kind = "changed" if change.topics else "beat"
        yield f"id: {change.position}\nevent: {kind}\ndata: {json.dumps({'topics': change.topics})}\n\n"
        if time.monotonic() > ends:
            break
    yield "event: again\ndata: {}\n\n"
