"""`GET /v1/alerts/stream`: every step of the alerts that one may see, as server-sent events (HTML standard, 9.2).

An event's id is its entry's in Redis' log. A client that comes again with `Last-Event-ID` is told what it missed from
the log, then what comes, so that there is no gap between the two. Steps that one may not see leave no trace: neither
their ids nor the time of the latest of them.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, Security
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from services.gateway.alerts import openapi
from services.gateway.alerts.desk import AlertDesk
from services.gateway.alerts.feed import PAGE, Listener, Told
from services.gateway.alerts.refusals import bad_event_id
from services.gateway.guard import Guard
from services.gateway.problems import ProblemError
from shared.auth import Permission, Principal
from shared.events.base import Slug

SEND_SECONDS: Final = 30.0
"""A client that takes nothing for so long is gone, e.g. behind a cable that was pulled."""
COME_AGAIN_MS: Final = 2000
_ID: Final = re.compile(r"[0-9]{1,19}-[0-9]{1,20}")
_BEAT: Final = Told("", None, "", b":\n\n")
"""A comment: nothing to tell, and the connection lives."""
_HEADERS: Final = {
    "Cache-Control": "no-store",
    # Proxies of the nginx family hold back what they think is a page.
    "X-Accel-Buffering": "no",
}


class StreamQuery(BaseModel):
    """Which steps."""

    model_config = ConfigDict(extra="forbid")

    plant: Slug | None = Field(None, description="Only of this plant.")
    subscription: Slug | None = Field(None, description="Only of this subscription.")


class EventStream(StreamingResponse):
    """Server-sent events.

    Args:
        frames: what is sent.
        on_end: called once it is over, however it ended, also before the first frame.
    """

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncIterator[bytes], on_end: Callable[[], None]) -> None:
        super().__init__(frames, headers=_HEADERS)
        self._on_end = on_end

    async def stream_response(self, send: Send) -> None:
        """As the base, but for clients that take nothing."""

        async def in_time(message: Any) -> None:
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        await super().stream_response(in_time)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_end()


def stream_routes(guard: Guard, desk: AlertDesk) -> APIRouter:
    """The route, in a router that guards it."""
    router = APIRouter(prefix="/v1", dependencies=[Security(guard)])

    @router.get("/alerts/stream", status_code=200, response_class=EventStream, **openapi.STREAM)
    async def stream(
        request: Request,
        principal: Annotated[Principal, Security(guard, scopes=[Permission.READ_VERDICT])],
        query: Annotated[StreamQuery, Query()],
        last_event_id: Annotated[
            str | None, Header(alias="Last-Event-ID", description="Go on after this event.")
        ] = None,
    ) -> StreamingResponse:
        """Every step of the alerts that you may see, as it comes; with `Last-Event-ID` first what came since then."""
        if last_event_id is not None and not _ID.fullmatch(last_event_id):
            raise bad_event_id()
        listener = desk.feed.join(principal.subject)
        try:
            # After joining: whatever comes after this place in the log is handed to the listener.
            present = await desk.ask(lambda _: desk.feed.begin())
        except BaseException:
            desk.feed.leave(listener)
            raise
        # Not later than the present: an id of a log that is no more would keep everything back.
        since = present if last_event_id is None else min(last_event_id, present, key=_place)
        client = _Client(guard, desk, request, query, listener, since, missed=last_event_id is not None)
        return EventStream(client.frames(), on_end=lambda: desk.feed.leave(listener))

    return router


@dataclass(slots=True)
class _Client:
    """One who listens."""

    guard: Guard
    desk: AlertDesk
    request: Request
    query: StreamQuery
    listener: Listener
    last: str
    """The place in the log that it has come to."""
    missed: bool
    """Whether the log may have steps after that which nobody hands to the listener."""

    async def frames(self) -> AsyncIterator[bytes]:
        """What is sent: what was missed, then what comes."""
        # An id without data makes no event, but the client sends it back when it comes again.
        yield f"retry: {COME_AGAIN_MS}\nid: {self.last}\n\n".encode()
        while self.missed:
            page = await self._page()
            if page is None:
                return
            for told in page:
                self.last = told.entry
                if self._shown(told):
                    yield told.frame
            self.missed = bool(page)
        beat = self._next_beat()
        while (coming := await self._coming(beat)) is not None:
            if coming is _BEAT:
                # A key may have been revoked, or be of another plant by now.
                if not await self._let_in():
                    return
                beat = self._next_beat()
                yield _BEAT.frame
            elif _place(coming.entry) > _place(self.last):
                self.last = coming.entry
                if self._shown(coming):
                    yield coming.frame

    def _next_beat(self) -> float:
        return asyncio.get_running_loop().time() + self.desk.feed.heartbeat_s

    async def _coming(self, beat: float) -> Told | None:
        """What comes next; `_BEAT` at the time of that name; None at the end."""
        left = beat - asyncio.get_running_loop().time()
        try:
            return _BEAT if left <= 0 else await self.listener.next(left)
        except TimeoutError:
            return _BEAT

    async def _page(self) -> list[Told] | None:
        """The log after `last`; None where it cannot be read: too late for another status, the stream just ends."""
        try:
            found = await self.desk.ask(lambda kept: kept.book.log(self.last, PAGE))
        except ProblemError:
            return None
        return [Told.of(entry, change) for entry, change in found]

    def _shown(self, told: Told) -> bool:
        wanted = self.query.plant in (None, told.plant) and self.query.subscription in (None, told.subscription)
        principal: Principal = self.request.state.principal
        return wanted and principal.may(Permission.READ_VERDICT, told.plant)

    async def _let_in(self) -> bool:
        principal = await self.guard.still(self.request)
        if principal is not None:
            self.request.state.principal = principal
        return principal is not None


def _place(entry: str) -> tuple[int, int]:
    """Ids of entries in their order."""
    milliseconds, number = entry.split("-")
    return int(milliseconds), int(number)
