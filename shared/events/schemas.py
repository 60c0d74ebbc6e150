"""The wire contract for other languages: JSON Schemas and an AsyncAPI 3.0 document, made from the event types.

`python -m shared.events.schemas docs/events` writes them; a test fails when they and the code drift apart.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from shared.events import EVENT_TYPES, Event, PartEvent, PixelEvent

JsonObject = dict[str, Any]
BASE: Final = "https://linegate.io/schemas"
ATTRIBUTES: Final = ("id", "source", "time", "traceparent")
"""Fields of every event that travel as CloudEvents attributes (Kafka headers)."""
TAKEN: Final = frozenset({"linegate.images", "linegate.training.requests", "linegate.feedback"})
"""Topics that others publish on; the rest are ours."""
TEXT: Final[JsonObject] = {"type": "string"}


def json_schemas() -> dict[str, JsonObject]:
    """Per file name the JSON Schema (2020-12) of an event type: all its fields, wherever they travel."""
    schemas = {}
    for event in EVENT_TYPES:
        schema = event.model_json_schema(mode="validation")
        schema["properties"].pop("pixels", None)  # the record's value, not JSON
        address = f"{BASE}/{event.TYPE}.schema.json"
        head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": address}
        schemas[f"{event.TYPE}.schema.json"] = head | schema
    return schemas


def asyncapi() -> JsonObject:
    """The AsyncAPI 3.0 document: each topic a channel, each event type a message with its headers."""
    channels: JsonObject = {}
    messages: JsonObject = {}
    operations: JsonObject = {}
    for event in EVENT_TYPES:
        name = event.__name__
        messages[name] = _message(event)
        carried = channels[event.TOPIC]["messages"] if event.TOPIC in channels else {}
        channels[event.TOPIC] = {
            "address": event.TOPIC,
            "messages": {**carried, name: {"$ref": f"#/components/messages/{name}"}},
            "bindings": {"kafka": {"topic": event.TOPIC, "bindingVersion": "0.5.0"}},
        }
        channel = {"$ref": f"#/channels/{event.TOPIC}"}
        own = [{"$ref": f"#/channels/{event.TOPIC}/messages/{name}"}]
        # AsyncAPI's actions are Linegate's: it receives what cameras send, and sends all that follows.
        action = "receive" if event.TOPIC in TAKEN else "send"
        operations[f"{action}{name}"] = {"action": action, "channel": channel, "messages": own}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Linegate events",
            "version": "1",
            "description": "CloudEvents 1.0 on Kafka, binary content mode. The record key of a part's event is its id.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": _components()},
    }


def _message(event: type[Event]) -> JsonObject:
    fields: JsonObject = event.model_json_schema(mode="validation")["properties"]
    pixels = issubclass(event, PixelEvent)
    in_headers = [n for n in fields if n not in {"pixels", "mediatype"}] if pixels else list(ATTRIBUTES)
    required = {name for name, field in event.model_fields.items() if field.is_required()} | {"id", "source"}
    headers: JsonObject = {
        "ce_specversion": {"const": "1.0"},
        "ce_type": {"const": event.TYPE},
        **{f"ce_{name}": _header(event, name, fields[name]) for name in in_headers},
    }
    headers["content-type"] = _relocate(fields["mediatype"]) if pixels else {"const": "application/json"}
    needed = ["ce_specversion", "ce_type", *(f"ce_{name}" for name in in_headers if name in required)]
    payload: JsonObject = (
        {"type": "string", "format": "binary", "description": "The encoded picture; empty where `ce_dataref` names it."}
        if pixels
        else {"$ref": f"#/components/schemas/{event.__name__}"}
    )
    message: JsonObject = {
        "name": event.TYPE,
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip().splitlines()[0],
        "headers": {"type": "object", "properties": headers, "required": needed},
        "payload": payload,
        "bindings": {"kafka": {"key": {"type": "string", "description": _key(event)}, "bindingVersion": "0.5.0"}},
    }
    return message if pixels else message | {"contentType": "application/json"}


def _key(event: type[Event]) -> str:
    return "The part id." if issubclass(event, PartEvent) else "The fault's key."


def _header(event: type[Event], name: str, schema: JsonObject) -> JsonObject:
    """The schema of one field as header text: structured values are JSON in the text."""
    if any("$ref" in one or one.get("type") in {"object", "array"} for one in schema.get("anyOf", [schema])):
        return TEXT | {"contentMediaType": "application/json", "contentSchema": _relocate(schema)}
    alternatives = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    kept = {"pattern", "format", "enum", "const", "minLength", "maxLength"}
    text = TEXT | {key: value for key, value in alternatives[0].items() if key in kept}
    if alternatives[0].get("type") in {"integer", "number", "boolean"}:
        text |= {"contentMediaType": "application/json", "contentSchema": _relocate(alternatives[0])}
    description = event.model_fields[name].description
    return text | ({"description": description} if description else {})


def _components() -> JsonObject:
    """The data of each JSON event, and every model that an event is made of."""
    components: JsonObject = {}
    for event in EVENT_TYPES:
        schema = _relocate(event.model_json_schema(mode="validation"))
        components |= schema.pop("$defs", {})
        if issubclass(event, PixelEvent):
            continue
        properties = {name: field for name, field in schema["properties"].items() if name not in ATTRIBUTES}
        needed = [name for name in schema.get("required", []) if name in properties]
        components[event.__name__] = schema | {"properties": properties, "required": needed}
    return dict(sorted(components.items()))


def _relocate(schema: Any) -> Any:
    """The same schema with its references pointed into the document's components."""
    if isinstance(schema, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _relocate(value)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [_relocate(item) for item in schema]
    return schema


def documents() -> dict[str, str]:
    """Every generated file: name -> text."""
    files: dict[str, JsonObject] = json_schemas() | {"asyncapi.json": asyncapi()}
    return {name: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for name, content in sorted(files.items())}


def main(folder: Path) -> None:
    """Write them, and remove schemas of types that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = documents()
    for old in folder.glob("*.json"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
