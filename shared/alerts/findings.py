"""What is wrong with a subscription or a silence that somebody wrote: one line for each field, in the writer's words.

Pydantic addresses a field of a tagged union by its tag as well (`condition.fails_in_window.fails`) and speaks of tags,
discriminators and patterns. Whoever filled in a form knows none of these.
"""

from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shared.alerts.conditions import CONDITIONS

_CHANNELS: Final = frozenset({"webhook", "email", "mqtt"})
_NAME: Final = "a name has lower-case letters, digits, `.`, `_`, `-`, begins with a letter or digit, and has at most 63"
_PATTERNS: Final = {
    "^[a-z0-9][a-z0-9._-]{0,62}$": _NAME,
    r"^[^#+\x00-\x1f]+$": "a topic to publish on has no wildcard (# or +) and no control character",
    r"^[^\x00-\x1f\x7f-\x9f]*$": "write it in one line, without control characters",
}
_PLAIN: Final = {
    "missing": "is missing",
    "extra_forbidden": "there is no such field",
    "too_short": "needs at least {min_length}",
    "too_long": "has more than {max_length}",
    "tuple_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}
_LONGEST_VALUE: Final = 80
_LONGEST: Final = 400
_PLACE: Final = "a place is plant/line/station/layout/camera, `*` for any; missing ones at the end stand for any"


class Finding(NamedTuple):
    """One thing that is wrong."""

    field: str
    """E.g. `condition.fails` or `channels[0].url`; empty where it is the whole."""
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


def findings(error: ValidationError) -> list[Finding]:
    """Everything that is wrong, one entry for each field."""
    told = error.errors(include_url=False)
    found = [_finding(one) for one in told]
    named = {entry.field for entry in found}
    # A list that lost its only entry to an error of its own is not empty by the writer's doing.
    return [
        entry
        for entry, one in zip(found, told, strict=True)
        if one["type"] != "too_short" or not any(name.startswith(f"{entry.field}[") for name in named)
    ]


def _finding(error: ErrorDetails) -> Finding:
    place = "scope" in error["loc"]
    steps = error["loc"][: error["loc"].index("scope") + 1] if place else error["loc"]
    field, message = _address(steps), _plain(_message(error))
    if place:
        what = "place" if error["loc"][-1] == "scope" else error["loc"][-1]
        message = f"{_shown(error['input'])} is no {what}: {_PLACE}" if isinstance(error["input"], str) else _PLACE
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        field = f"{field}.kind" if field else "kind"
    return Finding(field, message)


def _address(steps: tuple[int | str, ...]) -> str:
    """The location without the tags of unions: `condition.fails`, `channels[0].url`."""
    address, before = "", None
    for step in steps:
        tag = (before == "condition" and step in CONDITIONS) or (isinstance(before, int) and step in _CHANNELS)
        if isinstance(step, int):
            address += f"[{step}]"
        elif not tag:
            address += f".{_plain(step)}" if address else _plain(step)
        before = step
    return address


def _message(error: ErrorDetails) -> str:
    context: dict[str, Any] = error.get("ctx", {})
    kind = error["type"]
    if kind in _PLAIN:
        return _PLAIN[kind].format(**context)
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(str(context["pattern"]), f"does not fit {context['pattern']}")
    if kind == "union_tag_not_found":
        known = CONDITIONS if error["loc"][-1:] == ("condition",) else sorted(_CHANNELS)
        return f"is missing: one of {', '.join(known)}"
    if kind in ("union_tag_invalid", "literal_error"):
        given = context["tag"] if kind == "union_tag_invalid" else error["input"]
        allowed = str(context.get("expected_tags") or context["expected"]).replace("'", "").replace(" or ", ", ")
        return f"{_shown(given)} is none of {allowed}"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input should ").removeprefix("be ")
    return f"must be {message}" if error["msg"].startswith("Input should ") else message


def _shown(value: object) -> str:
    """What was written, as far as it tells which one it was."""
    told = repr(value)
    return told if len(told) <= _LONGEST_VALUE else f"{told[:_LONGEST_VALUE]}…"


def _plain(text: str) -> str:
    """In one line, without what a terminal would obey: names of fields are others' text too."""
    told = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"
