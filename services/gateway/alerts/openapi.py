"""What `/openapi.json` says of the routes of alerts beyond their signatures."""

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from services.gateway.alerts.bodies import AlertStepTaken
from services.gateway.openapi import REFUSALS, problems
from shared.alerts.records import Silence
from shared.alerts.subscription import Subscription
from shared.events import AlertChanged

_AWAY: Final = (503, "registry-away", "Redis does not answer, the gateway is busy, or the identity provider is away.")
_INVALID: Final = (422, "invalid-request", "A field is missing, unknown or wrong: one line for each.")
_BAD_CONDITION: Final = (400, "invalid-precondition", "A precondition is not understood.")
_CONFLICT: Final = (412, "revision-conflict", "Somebody else changed it: it is not at the revision of If-Match.")
_REQUIRED: Final = (428, "precondition-required", "Neither If-Match nor If-None-Match was sent.")
_TOO_LARGE: Final = (413, "body-too-large", "The body is too large.")
_ETAG: Final = {
    "ETag": {"description": "The revision, in quotation marks.", "schema": {"type": "string", "example": '"12"'}}
}


def _header(name: str, description: str, example: str) -> dict[str, Any]:
    schema = {"type": "string", "example": example}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


_NONE_MATCH: Final = _header("If-None-Match", "Answer 304 where it still has one of these entity tags.", '"12"')
_BASED_ON: Final = [
    _header("If-Match", "The ETag of what the change is based on.", '"12"'),
    _header("If-None-Match", "`*` where there is none yet. One of the two is needed.", "*"),
]


def _list(summary: str) -> dict[str, Any]:
    return {"summary": summary, "responses": problems(*REFUSALS, _INVALID, _AWAY)}


def _one(summary: str, kind: str, described: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {
            200: {"headers": _ETAG},
            304: {"description": "It is as If-None-Match says.", "headers": _ETAG},
            **problems(_BAD_CONDITION, *REFUSALS, (404, kind, described), _INVALID, _AWAY),
        },
        "openapi_extra": {"parameters": [_NONE_MATCH]},
    }


def _body(schema: str, *, required: bool = True, example: Any = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    if example is not None:
        content["example"] = example
    return {"required": required, "content": {"application/json": content}}


def _put(summary: str, schema: str, answer: str, example: Any) -> dict[str, Any]:
    made = {"application/json": {"schema": {"$ref": f"#/components/schemas/{answer}"}}}
    return {
        "summary": summary,
        "responses": {
            200: {"description": "It was changed.", "headers": _ETAG},
            201: {"description": "It was made.", "headers": _ETAG, "content": made},
            **problems(
                _BAD_CONDITION,
                *REFUSALS,
                (409, "id-taken", "The id stands for one of places that are not yours."),
                _CONFLICT,
                _TOO_LARGE,
                _INVALID,
                _REQUIRED,
                _AWAY,
            ),
        },
        "openapi_extra": {"parameters": _BASED_ON, "requestBody": _body(schema, example=example)},
    }


def _delete(summary: str, kind: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {
            204: {"description": "It is no more."},
            **problems(
                _BAD_CONDITION,
                *REFUSALS,
                (404, kind, "There is none of this id that you may see."),
                _CONFLICT,
                _INVALID,
                _REQUIRED,
                _AWAY,
            ),
        },
        "openapi_extra": {"parameters": _BASED_ON[:1]},
    }


def _alert_step(summary: str, description: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "description": description,
        "responses": {
            200: {"headers": _ETAG},
            **problems(
                _BAD_CONDITION,
                *REFUSALS,
                (404, "alert-unknown", "There is no alert of this id that you may see."),
                (
                    409,
                    "already-acknowledged",
                    "Somebody else was first: `by` and `at` say who and when. Or it is resolved (alert-resolved).",
                ),
                _CONFLICT,
                _TOO_LARGE,
                _INVALID,
                _AWAY,
            ),
        },
        "openapi_extra": {
            "parameters": [_header("If-Match", "Only if it is still what you saw; need not be sent.", '"12"')],
            "requestBody": _body("AlertStepTaken", required=False, example={"note": "printer head cleaned"}),
        },
    }


def _of_channel(summary: str, *more: tuple[int, str, str]) -> dict[str, Any]:
    missing = (
        404,
        "subscription-unknown",
        "There is no such subscription that you may see, or no such channel.",
    )
    return {"summary": summary, "responses": problems(*REFUSALS, missing, *more, _INVALID, _AWAY)}


_SUBSCRIPTION_EXAMPLE: Final = {
    "title": "Damage on line 1",
    "scope": "munich/line-1",
    "condition": {"kind": "fails_in_window", "fails": 3, "minutes": 10},
    "severity": "error",
    "channels": [
        {"kind": "webhook", "name": "hook", "url": "https://hooks.example.com/linegate"},
        {"kind": "email", "name": "mail", "to": ["shift@example.com"]},
    ],
    "hours": {
        "days": ["mon", "tue", "wed", "thu", "fri"],
        "begin": "06:00",
        "end": "14:00",
        "zone": "Europe/Berlin",
    },
}
_SILENCE_EXAMPLE: Final = {
    "scope": "munich/line-1",
    "end": "2026-11-24T16:00:00+01:00",
    "note": "printer is being serviced",
}
_EVENT_EXAMPLE: Final = (
    "retry: 2000\nid: 1764000000000-18446744073709551615\n\n"
    'id: 1764000000412-0\nevent: alert\ndata: {"alert":"…","step":"fired",…}\n\n'
)

ALERTS: Final = _list("List alerts")
ALERT: Final = _one("Read an alert", "alert-unknown", "There is no alert of this id that you may see.")
ALERT_STEPS: Final = {
    "acknowledge": _alert_step(
        "Acknowledge an alert", "You take care of it: it escalates no more. Of two at once one is told who was first."
    ),
    "resolve": _alert_step("Resolve an alert", "It is over. A new one fires when its condition is met again."),
}
STREAM: Final[dict[str, Any]] = {
    "summary": "Follow alerts",
    "responses": {
        200: {
            "description": "Server-sent events named `alert`, with an AlertChanged as data. A comment every 15 s shows "
            "that the stream lives. It ends when the gateway stops, or the token no longer lets you in.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string", "description": "AlertChanged in `data`, by the schema of that name."},
                    "example": _EVENT_EXAMPLE,
                }
            },
        },
        **problems(
            (400, "invalid-last-event-id", "Last-Event-ID is no id that this stream sends."),
            *REFUSALS,
            _INVALID,
            (503, "registry-away", "Redis does not answer, too many streams are open, or the gateway is stopping."),
        ),
    },
}
SUBSCRIPTIONS: Final = _list("List subscriptions")
SUBSCRIPTION: Final = _one("Read a subscription", "subscription-unknown", "There is none that you may see.")
PUT_SUBSCRIPTION: Final = _put(
    "Make or change a subscription", "SubscriptionBody", "SubscriptionChanged", _SUBSCRIPTION_EXAMPLE
)
DELETE_SUBSCRIPTION: Final = _delete("Remove a subscription", "subscription-unknown")
SECRET: Final = _of_channel("Make a new webhook secret", (409, "no-webhook", "The channel is no webhook."))
TEST: Final = _of_channel("Send a test message")
ENABLE: Final = _of_channel("Enable a channel again")
DELIVERIES: Final = _of_channel("Read the delivery log")
REDRIVE: Final[dict[str, Any]] = {
    "summary": "Deliver again",
    "responses": problems(
        *REFUSALS, (404, "message-unknown", "No message of this id is kept that is yours."), _INVALID, _AWAY
    ),
}
SILENCES: Final = _list("List silences")
SILENCE: Final = _one("Read a silence", "silence-unknown", "There is none that you may see.")
PUT_SILENCE: Final = _put("Make or change a silence", "SilenceBody", "SilenceShown", _SILENCE_EXAMPLE)
DELETE_SILENCE: Final = _delete("End a silence", "silence-unknown")


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = models_json_schema(
        [(model, "validation") for model in (AlertStepTaken, Subscription, Silence)],
        ref_template="#/components/schemas/{model}",
    )[1]["$defs"]
    events = models_json_schema([(AlertChanged, "serialization")], ref_template="#/components/schemas/{model}")[1]
    bodies = {
        "SubscriptionBody": (found.pop("Subscription"), {"id"}),
        "SilenceBody": (found.pop("Silence"), {"id", "by", "begin"}),
    }
    for name, (schema, optional) in bodies.items():
        required = [field for field in schema["required"] if field not in optional]
        told = f"{schema['description']} Its id is that of the path."
        found[name] = {**schema, "title": name, "description": told, "required": required}
    return {**events["$defs"], **found}


SCHEMAS: Final[dict[str, Any]] = _schemas()
"""Of the bodies, which FastAPI does not collect, since it does not read them, and of the stream's events."""
