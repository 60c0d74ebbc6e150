"""What `/openapi.json` says of the routes of rollouts beyond their signatures."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from services.gateway.openapi import REFUSALS, problems
from shared.registry.steps import (
    CanaryStep,
    GuardStep,
    PauseStep,
    PromoteStep,
    ResumeStep,
    RollbackStep,
    ShadowStep,
    Step,
)

_AWAY: Final = (503, "registry-away", "Redis does not answer, the gateway is busy, or the identity provider is away.")
_INVALID: Final = (422, "invalid-request", "A field is missing, unknown or wrong.")
_BAD_CONDITION: Final = (400, "invalid-precondition", "A precondition is not understood.")
_ETAG: Final = {
    "ETag": {"description": "The revision, in quotation marks.", "schema": {"type": "string", "example": '"12"'}}
}


def _header(name: str, description: str, example: str) -> dict[str, Any]:
    schema = {"type": "string", "example": example}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


LIST: Final[dict[str, Any]] = {"summary": "List rollouts", "responses": problems(*REFUSALS, _AWAY)}
VERSIONS: Final[dict[str, Any]] = {"summary": "List versions", "responses": problems(*REFUSALS, _AWAY)}
HISTORY: Final[dict[str, Any]] = {
    "summary": "Read what was changed",
    "responses": problems(*REFUSALS, _INVALID, _AWAY),
}
ONE: Final[dict[str, Any]] = {
    "summary": "Read a rollout",
    "responses": {
        200: {"headers": _ETAG},
        304: {"description": "It is as If-None-Match says.", "headers": _ETAG},
        **problems(
            _BAD_CONDITION,
            *REFUSALS,
            (404, "rollout-unknown", "There is no entry of exactly this key."),
            _INVALID,
            _AWAY,
        ),
    },
    "openapi_extra": {
        "parameters": [_header("If-None-Match", "Answer 304 where it still has one of these entity tags.", '"12"')]
    },
}


def _step(body: type[Step], summary: str, description: str) -> tuple[type[Step], dict[str, Any]]:
    required = bool(body.model_json_schema().get("required")) or body is GuardStep
    return body, {
        "summary": summary,
        "description": description,
        "responses": {
            200: {"headers": _ETAG},
            **problems(
                _BAD_CONDITION,
                *REFUSALS,
                (409, "step-rejected", "The step does not follow from where the rollout stands."),
                (412, "revision-conflict", "Somebody else changed it: it is not at the revision of If-Match."),
                (413, "body-too-large", "The body is too large."),
                (
                    422,
                    "invalid-request",
                    "A field is wrong, or a version is not there (version-unknown).",
                ),
                (428, "precondition-required", "Neither If-Match nor If-None-Match was sent."),
                _AWAY,
            ),
        },
        "openapi_extra": {
            "parameters": [
                _header("If-Match", "The ETag of the rollout that the change is based on.", '"12"'),
                _header("If-None-Match", "`*` where there is no rollout yet (promote). One of the two is needed.", "*"),
            ],
            "requestBody": {
                "required": required,
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}},
            },
        },
    }


STEPS: Final[Mapping[str, tuple[type[Step], dict[str, Any]]]] = {
    "shadow": _step(
        ShadowStep, "Have a version look on", "It scores every part and gates none. One that looked on is retired."
    ),
    "canary": _step(
        CanaryStep,
        "Put a version on trial",
        "It judges a share of the parts, the same parts each time. Again with the same version: changes the share.",
    ),
    "promote": _step(
        PromoteStep,
        "Make a version the champion",
        "The champion before stays warm for a rollback. Where there is no rollout yet, it begins one.",
    ),
    "rollback": _step(
        RollbackStep, "Take back", "Ends the trial; where there is none, puts the former champion in force again."
    ),
    "pause": _step(PauseStep, "Pause the trial", "Its parts go to the champion."),
    "resume": _step(ResumeStep, "Go on with the trial", "What it did before the pause does not count any more."),
    "guard": _step(
        GuardStep, "Set limits of the automatic judge", "What is not named stays; null switches a limit off."
    ),
}
SCHEMAS: Final[dict[str, Any]] = models_json_schema(
    [(body, "validation") for body, _ in STEPS.values()], ref_template="#/components/schemas/{model}"
)[1]["$defs"]
"""Of the bodies, which FastAPI does not collect, since it does not read them."""
