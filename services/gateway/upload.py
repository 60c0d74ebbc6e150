"""Read an upload, raw or multipart, without ever holding more than the limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.types import Message, Receive

from services.gateway.problems import FieldError, ProblemError
from services.photo_header import MEDIA_TYPES

FORM_OVERHEAD: Final = 64 * 1024
"""Bytes a multipart body may have beyond the photo: boundaries, part headers and fields."""
UNDECLARED: Final = frozenset({"", "application/octet-stream"})
"""Media types that say nothing; the content decides."""
_TYPES = ", ".join(MEDIA_TYPES)


@dataclass(frozen=True, slots=True)
class Upload:
    """A request's photo and fields, not yet examined."""

    pixels: bytes
    declared: str
    """The media type the client named, lower case without parameters; empty when it named none."""
    fields: Mapping[str, str]


async def read_upload(request: Request, *, limit: int) -> Upload:
    """Read the photo and its fields from the raw body and the query, or from a multipart form and the query.

    Args:
        request: the request, its body unread.
        limit: largest photo in bytes.

    Raises:
        ProblemError: 413 too large, 415 not a type we take, 422 a field given twice or a malformed form.
    """
    declared = _essence(request.headers.get("content-type"))
    if declared == "multipart/form-data":
        capped = Request(request.scope, _capped(request, limit + FORM_OVERHEAD, limit))
        return await _from_form(capped, limit)
    if declared not in UNDECLARED and declared not in MEDIA_TYPES:
        raise unsupported(
            f"The body is declared as {declared}.",
            f"Send Content-Type: {_TYPES} with the photo as the raw body (curl: -H 'Content-Type: image/jpeg' "
            "--data-binary @photo.jpg), or multipart/form-data with a part named `file`.",
        )
    capped = Request(request.scope, _capped(request, limit, limit))
    return Upload(await capped.body(), declared, _single_values(request.query_params.multi_items()))


def unsupported(detail: str, hint: str) -> ProblemError:
    """A 415 problem."""
    return ProblemError(
        415,
        "unsupported-media-type",
        "Not a picture format that is taken",
        detail=detail,
        hint=hint,
        headers={"Accept": f"{_TYPES}, multipart/form-data"},
    )


def _capped(request: Request, cap: int, limit: int) -> Receive:
    """The request's `receive`, which stops with a 413 as soon as the body is known to exceed `cap`."""
    announced = request.headers.get("content-length", "")
    received = 0

    async def receive() -> Message:
        nonlocal received
        if announced.isdecimal() and int(announced) > cap:
            raise _too_large(limit)
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > cap:
            raise _too_large(limit)
        return message

    return receive


def _too_large(limit: int) -> ProblemError:
    return ProblemError(
        413,
        "photo-too-large",
        "The photo is too large",
        detail=f"The photo exceeds {limit} bytes.",
        hint="Send it as JPEG, or at the resolution the check needs; larger photos travel over Kafka by dataref. "
        "The limit is the setting gateway.max_upload_bytes.",
        # The rest of the body is not read, so the connection cannot be used again.
        headers={"Connection": "close"},
    )


async def _from_form(request: Request, limit: int) -> Upload:
    async with request.form(max_files=1, max_fields=32, max_part_size=FORM_OVERHEAD) as form:
        texts = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        files = [(name, value) for name, value in form.multi_items() if isinstance(value, UploadFile)]
        if len(files) != 1 or files[0][0] != "file":
            named = ", ".join(f"`{name}`" for name, _ in files) or "none"
            raise invalid(
                [FieldError(field="file", message=f"one file part named `file` is needed; got {named}")],
                "curl: -F file=@photo.jpg -F part=... -F plant=... -F line=...",
            )
        file = files[0][1]
        pixels = await file.read(limit + 1)
        if len(pixels) > limit:
            raise _too_large(limit)
        declared = _essence(file.content_type)
    return Upload(pixels, declared, _single_values([*request.query_params.multi_items(), *texts]))


def invalid(errors: list[FieldError], hint: str) -> ProblemError:
    """A 422 problem about fields."""
    return ProblemError(
        422,
        "invalid-request",
        "The request is not valid",
        detail="; ".join(f"{error.field}: {error.message}" for error in errors),
        hint=hint,
        errors=errors,
    )


def _single_values(items: list[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in items:
        if name in fields:
            raise invalid(
                [FieldError(field=name, message="given more than once")],
                "Give each field once, as a query parameter or as a form field.",
            )
        fields[name] = value
    return fields


def _essence(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()
