"""What `/openapi.json` says beyond what FastAPI reads from the signatures: bodies, examples, and every problem."""

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from services.gateway.photo import PhotoFields
from services.gateway.problems import MEDIA_TYPE, Problem, problem_type
from services.photo_header import MEDIA_TYPES
from shared.events import Check, ModelStamp, Timings, Verdict

DESCRIPTION: Final = (
    "Photos of parts in, pass/fail verdicts out. A photo that was answered with 202 is in Kafka, and its verdict comes "
    "exactly once. Every request carries `Authorization: Bearer`. Every error is `application/problem+json` (RFC 9457) "
    "with a `hint`."
)
IDEMPOTENCY: Final = (
    "The photo's id, which a retry repeats: within the window of this gateway the photo is then not taken twice."
)
_ID: Final = "7f0c2f9e-3c0e-4a55-8f7e-0f0d8f6f9a10"

_VERDICT_EXAMPLE: Final = Verdict.model_validate(
    {
        "id": "0e7f3a52-5f0b-5d3c-9a56-3f0a1c1f6a11",
        "source": "/linegate/score",
        "time": "2025-03-01T06:30:00.412Z",
        "part": "4711-000123",
        "plant": "munich",
        "line": "line-1",
        "station": "st-40",
        "layout": "us",
        "captured": "2025-03-01T06:30:00Z",
        "image": _ID,
        "decision": "fail",
        "checks": (
            Check(name="damage", result="fail", score=31.7, threshold=24.2),
            Check(name="presence", result="pass", score=0.998, threshold=0.5),
        ),
        "model": ModelStamp(
            version="us-patchcore-7",
            digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            kind="patchcore",
            arm="champion",
            assignment="munich/line-1/*/us/stationary",
            revision=12,
        ),
        "timings": Timings(decode=6.1, crop=38.0, score=19.5, batch=4, capture_to_verdict=412.0),
    }
)


REFUSALS: Final = (
    (401, "unauthenticated", "No bearer token was sent, or it is not valid."),
    (403, "forbidden", "No role of the caller permits this, or not at this plant."),
)


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


_HEADERS: Final = {
    401: {"WWW-Authenticate": _header("As RFC 6750 has it.")},
    403: {"WWW-Authenticate": _header("As RFC 6750 has it.")},
    503: {"Retry-After": _header("Seconds.")},
}


def submit(max_bytes: int) -> dict[str, Any]:
    """Arguments of `POST /v1/images`."""
    fields = PhotoFields.model_json_schema()
    required: list[str] = fields["required"]
    parameters = [
        {
            "name": name,
            "in": "query",
            "schema": schema,
            "description": _described(schema, required=name in required),
        }
        for name, schema in fields["properties"].items()
    ]
    binary = {"schema": {"type": "string", "format": "binary", "maxLength": max_bytes}}
    form = {
        "type": "object",
        "additionalProperties": False,
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary"}, **fields["properties"]},
    }
    return {
        "summary": "Submit a photo",
        "responses": {
            202: {
                "description": "Kafka holds the photo.",
                "headers": {"Location": _header("Where the verdict will be.")},
            },
            **problems(
                *REFUSALS,
                (408, "upload-too-slow", "The photo did not arrive in time."),
                (413, "photo-too-large", f"The photo exceeds {max_bytes} bytes."),
                (415, "unsupported-media-type", "Not a picture that is taken, or not the one declared."),
                (422, "invalid-request", "A field is missing, unknown or wrong; or the id belongs to another photo."),
                (
                    503,
                    "kafka-away",
                    "Kafka did not acknowledge in time, the gateway is busy, or the identity provider is away.",
                ),
            ),
        },
        "openapi_extra": {
            "parameters": parameters,
            "requestBody": {
                "required": True,
                "description": "The photo as it came from the camera, or a form with it.",
                "content": {
                    **dict.fromkeys(MEDIA_TYPES, binary),
                    "multipart/form-data": {"schema": form, "encoding": {"file": {"contentType": "image/*"}}},
                },
            },
        },
    }


def problems(*entries: tuple[int, str, str]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that answers with these problems: status, kind, description."""
    return {
        status: {
            "description": text,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": {
                        "type": problem_type(kind),
                        "title": text.rstrip("."),
                        "status": status,
                        "detail": text,
                        "hint": "What to do about it.",
                    },
                }
            },
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status, kind, text in entries
    }


def _described(schema: dict[str, Any], *, required: bool) -> str:
    # Not "required" in the schema's sense, since a form field will do as well.
    text = str(schema.get("description", ""))
    return f"{text} Required, here or as a form field." if required else text


VERDICT: Final[dict[str, Any]] = {
    "summary": "Read a verdict",
    "responses": {
        200: {
            "description": "The verdict.",
            "content": {"application/json": {"example": _VERDICT_EXAMPLE.model_dump(mode="json")}},
        },
        **problems(
            *REFUSALS,
            (
                404,
                "verdict-pending",
                "No verdict yet (verdict-pending), or none under this id that you may read (verdict-unknown).",
            ),
            (
                422,
                "photo-set-aside",
                "The photo became a dead letter and will not be judged; or the request is wrong.",
            ),
            (503, "not-current", "The gateway has not caught up with Kafka, or the identity provider is away."),
        ),
    },
}
SCHEMAS: Final[dict[str, Any]] = models_json_schema(
    [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
)[1]["$defs"]
"""Schemas that only error answers use, which FastAPI therefore does not collect."""
