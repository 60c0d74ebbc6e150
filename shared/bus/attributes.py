"""An event's fields as CloudEvents attributes: text, one each, and back.

Text stays as it is, numbers and truth values are written as JSON writes them, and anything with parts (a check,
corners, timings) is compact JSON. CloudEvents' own `time` is a `datetime`, as the cloudevents library wants it.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import pydantic_core
from pydantic import TypeAdapter

from shared.events import Event, PixelEvent

CONTEXT: Final = frozenset({"id", "source", "time", "traceparent"})
"""Fields of every event that travel as attributes, never in the data."""
IGNORED: Final = frozenset(
    {"specversion", "type", "datacontenttype", "subject", "dataschema", "partitionkey", "tracestate"}
)
"""Attributes of CloudEvents and its extensions that no event has a field for."""


def to_attributes(event: Event) -> dict[str, Any]:
    """The attributes that carry `event` beside its data; absent (None) fields are left out."""
    include = None if isinstance(event, PixelEvent) else set(CONTEXT)
    fields = event.model_dump(mode="json", include=include, exclude={"mediatype", "time"}, exclude_none=True)
    texts = {name: value if isinstance(value, str) else _compact(value) for name, value in fields.items()}
    return {"specversion": "1.0", "type": event.TYPE, "time": event.time, **texts}


def from_attributes(event_type: type[Event], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an event from its attributes, not validated yet.

    Raises:
        ValueError: a structured attribute is not JSON, or (pixel events) an attribute is not a field of the event.
    """
    given = {name: value for name, value in attributes.items() if name not in IGNORED}
    if not issubclass(event_type, PixelEvent):
        # Extensions of other systems are none of our business where the data carries our fields.
        return {name: value for name, value in given.items() if name in CONTEXT}
    unknown = sorted(given.keys() - (event_type.model_fields.keys() - {"pixels", "mediatype"}))
    if unknown:
        names = ", ".join(f"ce_{name}" for name in unknown[:3])
        raise ValueError(f"unknown header {names}: {event_type.TYPE} has no such attribute; check the spelling")
    structured = structured_fields(event_type)
    return {name: _parse(name, value) if name in structured else value for name, value in given.items()}


@cache
def structured_fields(event_type: type[Event]) -> frozenset[str]:
    """The fields of `event_type` whose values have parts, and so travel as JSON."""
    return frozenset(
        name
        for name, field in event_type.model_fields.items()
        if _has_parts(TypeAdapter[Any](field.annotation or Any).json_schema())
    )


def _has_parts(schema: Mapping[str, Any]) -> bool:
    # A null beside the real type (an optional field) is not a part; a reference is always a model here.
    alternatives = schema.get("anyOf", [schema])
    return any("$ref" in one or one.get("type") in {"object", "array"} for one in alternatives)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _parse(name: str, text: str) -> Any:
    try:
        return pydantic_core.from_json(text, allow_inf_nan=False)
    except ValueError:
        raise ValueError(f"ce_{name} is not JSON: {text[:60]!r}") from None
