"""Read a JSON body. FastAPI would read bodies of any length, and those of callers who may not come in."""

from typing import Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from services.gateway.problems import ProblemError, field_errors

MAX_BYTES: Final = 16 * 1024
BodyT = TypeVar("BodyT", bound=BaseModel)


async def read_body(request: Request, model: type[BodyT]) -> BodyT:
    """The body as `model`. No body is an empty object.

    Raises:
        ProblemError: 413 too large, 422 not what `model` asks for.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BYTES:
            raise ProblemError(
                413,
                "body-too-large",
                "The body is too large",
                detail=f"The body exceeds {MAX_BYTES} bytes.",
                hint="GET /openapi.json describes every field.",
                headers={"Connection": "close"},
            )
    try:
        return model.model_validate_json(bytes(content) or b"{}")
    except ValidationError as error:
        errors = field_errors(list(error.errors(include_url=False)))
        raise ProblemError(
            422,
            "invalid-request",
            "The request is not valid",
            detail="; ".join(f"{entry.field}: {entry.message}" for entry in errors),
            hint="The body is a JSON object; GET /openapi.json describes every field.",
            errors=errors,
        ) from None
