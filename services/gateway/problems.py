"""Every error as `application/problem+json` (RFC 9457), with a hint on what to do, and never a traceback."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

MEDIA_TYPE: Final = "application/problem+json"
_log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """What is wrong with one field."""

    model_config = ConfigDict(extra="forbid")

    field: str
    message: str


class Problem(BaseModel):
    """An RFC 9457 problem. `hint`, `errors` and `id` are extension members."""

    model_config = ConfigDict(extra="forbid")

    type: str
    """A URI that names the kind of problem: programs may switch on it."""
    title: str
    """The kind of problem in words, always the same for one type."""
    status: int
    detail: str
    """What is wrong this time."""
    hint: str
    """What to do about it."""
    errors: list[FieldError] | None = None
    """One entry per wrong field."""
    id: str | None = None
    """The image id the problem is about."""
    by: str | None = None
    """Who was first."""
    at: datetime | None = None
    """When that was."""


class ProblemError(Exception):
    """Raised anywhere under a route to answer with a problem.

    Args:
        status: HTTP status.
        kind: last word of the problem's type URI, e.g. `photo-too-large`.
        title: the kind in words.
        detail: what is wrong this time.
        hint: what to do about it.
        errors: one entry per wrong field.
        image: the image id concerned.
        retry_after: seconds after which a retry makes sense; sent as `Retry-After`.
        headers: further response headers.
        by: who was first.
        at: when that was.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        *,
        detail: str,
        hint: str,
        errors: list[FieldError] | None = None,
        image: str | None = None,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
        by: str | None = None,
        at: datetime | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(
            type=problem_type(kind),
            title=title,
            status=status,
            detail=detail,
            hint=hint,
            errors=errors,
            id=image,
            by=by,
            at=at,
        )
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)


def problem_type(kind: str) -> str:
    """The type URI of a kind of problem."""
    return f"urn:linegate:problem:{kind}"


def field_errors(errors: list[ErrorDetails]) -> list[FieldError]:
    """Pydantic's findings, one line each, addressed by field name."""
    return [
        FieldError(
            field=".".join(str(step) for step in error["loc"] if step not in ("query", "path", "body")) or "request",
            message=error["msg"].removeprefix("Value error, "),
        )
        for error in errors
    ]


def install(app: FastAPI) -> None:
    """Make `app` answer every error, expected or not, with a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)


def _answer(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    content = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, problem.status, headers=headers, media_type=MEDIA_TYPE)


async def _on_problem(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)  # noqa: S101 - Starlette's types lose the class a handler is registered for
    return _answer(error.problem, error.headers)


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - see _on_problem
    errors = field_errors(list(error.errors()))
    problem = Problem(
        type=problem_type("invalid-request"),
        title="The request is not valid",
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        detail="; ".join(f"{entry.field}: {entry.message}" for entry in errors),
        hint="GET /openapi.json describes every field.",
        errors=errors,
    )
    return _answer(problem)


async def _on_http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - see _on_problem
    hints = {
        HTTPStatus.BAD_REQUEST: "Send the photo as the raw body, or as one multipart part named `file`.",
        HTTPStatus.NOT_FOUND: "GET /openapi.json lists every path.",
        HTTPStatus.METHOD_NOT_ALLOWED: "GET /openapi.json lists every path and its methods.",
    }
    status = HTTPStatus(error.status_code)
    problem = Problem(
        type="about:blank",
        title=status.phrase,
        status=status,
        detail=str(error.detail),
        hint=hints.get(status, status.description or "See GET /openapi.json."),
    )
    return _answer(problem, error.headers)


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    # The server logs the traceback itself; this line tells which request it was.
    _log.error("request failed", method=request.method, path=request.url.path, error=type(error).__name__)
    problem = Problem(
        type=problem_type("internal"),
        title="The gateway failed",
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        detail="A fault of the gateway, not of this request; its log has the details.",
        hint="Retry with the same Idempotency-Key: a photo that already went in is not taken twice.",
    )
    return _answer(problem)
