"""Read a JSON body. FastAPI would read bodies of any length, and those of callers who may not come in."""

from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from services.gateway.problems import FieldError, ProblemError, field_errors

MAX_BYTES: Final = 16 * 1024
BodyT = TypeVar("BodyT", bound=BaseModel)


async def read_body(request: Request, model: type[BodyT]) -> BodyT:
    """The body as `model`. No body is an empty object.

    Raises:
        ProblemError: 413 too large, 422 not what `model` asks for.
    """
    content = await _read(request, MAX_BYTES)
    try:
        return model.model_validate_json(content or b"{}")
    except ValidationError as error:
        raise invalid(field_errors(list(error.errors(include_url=False)))) from None


async def read_object(request: Request, largest: int = MAX_BYTES) -> dict[str, Any]:
    """The body as a JSON object, whatever is in it.

    Raises:
        ProblemError: 413 it has more than `largest` bytes, 422 it is no JSON object.
    """
    content = await _read(request, largest)
    try:
        found = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise invalid([FieldError(field="request", message=f"Invalid JSON: {error}")]) from None
    if not isinstance(found, dict):
        raise invalid([FieldError(field="request", message="the body is not a JSON object")])
    return found


def invalid(errors: list[FieldError]) -> ProblemError:
    """422: what is wrong with each field of the body."""
    return ProblemError(
        422,
        "invalid-request",
        "The request is not valid",
        detail="; ".join(f"{entry.field}: {entry.message}" for entry in errors),
        hint="The body is a JSON object; GET /openapi.json describes every field.",
        errors=errors,
    )


async def _read(request: Request, largest: int) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > largest:
            raise ProblemError(
                413,
                "body-too-large",
                "The body is too large",
                detail=f"The body exceeds {largest} bytes.",
                hint="GET /openapi.json describes every field.",
                headers={"Connection": "close"},
            )
    return bytes(content)
