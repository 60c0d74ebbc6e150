"""Every error as a page for people, or as a toast where a part of a page asked; never a traceback."""

from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlsplit

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from services.console.door import Door
from services.console.problems import PageError, SignInNeeded
from services.console.screen import Screen, Toast
from services.console.session import COOKIE
from shared.alerts.errors import AlertError, UnknownAlert, UnknownSubscription
from shared.errors import LinegateError
from shared.registry.errors import RegistryUnavailable, RevisionConflict, TransitionRejected

_CONFLICTS: Final = (AlertError, RevisionConflict, TransitionRejected)
_UNKNOWN: Final = (UnknownAlert, UnknownSubscription)
_log = structlog.get_logger(__name__)


class Answers:
    """Turns exceptions into answers.

    Args:
        screen: renders them.
        door: knows the visitor's language.
    """

    def __init__(self, screen: Screen, door: Door) -> None:
        self._screen: Final = screen
        self._door: Final = door

    def install(self, app: FastAPI) -> None:
        """Make `app` answer so."""
        app.add_exception_handler(SignInNeeded, self._on_stranger)
        app.add_exception_handler(LinegateError, self._on_known)
        app.add_exception_handler(RequestValidationError, self._on_invalid)
        app.add_exception_handler(HTTPException, self._on_http)
        app.add_exception_handler(Exception, self._on_bug)

    def _tell(self, request: Request, status: int, text: str, hint: str) -> Response:
        words = self._door.words(request)
        if is_part(request):
            return HTMLResponse("", status, headers=Toast(text, "error", hint).header())
        return self._screen.page(request, "problem.html", words=words, status=status, text=text, hint=hint)

    async def _on_stranger(self, request: Request, _error: Exception) -> Response:
        if request.url.path in ("/live", "/alive"):
            return Response(status_code=401)
        had_session = COOKIE in request.cookies
        if is_part(request):
            page = urlsplit(request.headers.get("hx-current-url", "/"))
            where = page.path + (f"?{page.query}" if page.query else "")
            return Response(status_code=401, headers={"HX-Redirect": sign_in_link(where, expired=had_session)})
        if not had_session and request.method == "GET" and _came_from_elsewhere(request):
            # Strict cookies are not sent along a link in a mail. From a page of ours they are: ask again from one.
            return self._screen.page(request, "again.html", words=self._door.words(request))
        where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(sign_in_link(where if request.method == "GET" else "/", expired=had_session), 303)

    async def _on_known(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, LinegateError)  # noqa: S101 - Starlette's types lose the class
        words = self._door.words(request)
        if isinstance(error, PageError):
            hint = words._(error.hint, **error.values) if error.hint else ""
            return self._tell(request, error.status, words._(str(error), **error.values), hint)
        if isinstance(error, RegistryUnavailable):
            _log.warning("Redis is away", path=request.url.path, error=str(error))
            text = words._("Redis, which keeps this, does not answer")
            return self._tell(request, 503, text, words._("Nothing is lost. Try again in a moment."))
        status = 404 if isinstance(error, _UNKNOWN) else 409 if isinstance(error, _CONFLICTS) else 422
        return self._tell(request, status, sentence(str(error)), sentence(error.hint or ""))

    async def _on_invalid(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - see _on_known
        words = self._door.words(request)
        wrong = "; ".join(f"{entry['loc'][-1]}: {entry['msg']}" for entry in error.errors()[:5])
        return self._tell(request, 422, words._("Something in the form is not right"), wrong)

    async def _on_http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - see _on_known
        words = self._door.words(request)
        if error.status_code == HTTPStatus.NOT_FOUND:
            return self._tell(request, 404, words._("There is no such page"), words._("The menu shows what there is."))
        return self._tell(request, error.status_code, HTTPStatus(error.status_code).phrase, "")

    async def _on_bug(self, request: Request, error: Exception) -> Response:
        # The server logs the traceback itself; this line tells which request it was.
        _log.error("request failed", method=request.method, path=request.url.path, error=type(error).__name__)
        words = self._door.words(request)
        text = words._("The console failed at this")
        return self._tell(request, 500, text, words._("It is a fault of ours; the log of the console has the details."))


def is_part(request: Request) -> bool:
    """Whether a part of a page asked (htmx), not a person for a page."""
    return "hx-request" in request.headers


def sign_in_link(where: str, *, expired: bool = False) -> str:
    """The sign-in page, which leads back to `where`."""
    return f"/sign-in?next={quote(local(where))}" + ("&expired=1" if expired else "")


def local(where: str) -> str:
    """`where` as far as it is a page of ours; else the first page."""
    plain = where.startswith("/") and not where.startswith(("//", "/\\")) and where.isprintable()
    return where if plain and not where.startswith("/sign-") else "/"


def sentence(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]


def _came_from_elsewhere(request: Request) -> bool:
    return request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
