"""Signing in and out, and what a visitor prefers. The only pages before the door."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from services.console.answers import local
from services.console.door import LANGUAGE_COOKIE, Door
from services.console.problems import PageError, SignInNeeded
from services.console.screen import THEME_COOKIE, Screen
from services.console.session import LONGEST_TOKEN, Sessions
from services.console.words import N_
from shared.settings import Settings

YEAR_SECONDS: Final = 365 * 86_400


def entrance(settings: Settings, screen: Screen, door: Door, sessions: Sessions) -> APIRouter:
    """The routes."""
    router = APIRouter()
    off = settings.auth.mode == "off"

    @router.get("/sign-in")
    async def form(request: Request, next: str = "/", expired: bool = False) -> Response:  # noqa: A002 - a query's name
        if off:
            return RedirectResponse(local(next), 303)
        words = door.words(request)
        problem = words._("Your session is over. Please sign in again.") if expired else ""
        return screen.page(request, "sign_in.html", words=words, next=local(next), problem=problem)

    @router.post("/sign-in")
    async def sign_in(
        request: Request,
        token: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",  # noqa: A002 - likewise
    ) -> Response:
        words = door.words(request)
        refusal = await _refusal(door, token.strip())
        if refusal is None:
            answer = RedirectResponse(local(next), 303)
            sessions.begin(request, answer, token.strip())
            return answer
        status, problem = refusal
        return screen.page(
            request, "sign_in.html", words=words, status=status, next=local(next), problem=words._(problem)
        )

    @router.post("/sign-out")
    async def sign_out() -> Response:
        answer = RedirectResponse("/sign-in", 303)
        sessions.end(answer)
        return answer

    @router.post("/preferences")
    async def prefer(
        theme: Annotated[Literal["auto", "light", "dark"] | None, Form()] = None,
        language: Annotated[Literal["en", "de"] | None, Form()] = None,
        next: Annotated[str, Form()] = "/",  # noqa: A002 - likewise
    ) -> Response:
        answer = RedirectResponse(local(next), 303)
        for cookie, value in ((THEME_COOKIE, theme), (LANGUAGE_COOKIE, language)):
            if value is not None:
                # Not HttpOnly: no secret, and the page switches its colours at once.
                answer.set_cookie(cookie, value, max_age=YEAR_SECONDS, path="/", samesite="lax")
        return answer

    return router


async def _refusal(door: Door, token: str) -> tuple[int, str] | None:
    """Why nobody can sign in with a token, as a status and a message; None where one can."""
    if len(token) > LONGEST_TOKEN:
        return 422, N_("This token is too long for a browser's cookie: use a key of `linegate keys`.")
    try:
        await door.principal(token)
    except SignInNeeded as stranger:
        return 401, stranger.reason or N_("Please enter a key or a token.")
    except PageError as error:
        return error.status, str(error)
    return None
