"""The published schemas: made from the code, committed, and true to what travels."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from shared.bus.envelope import encode
from shared.events import EVENT_TYPES, Event, PixelEvent
from shared.events.schemas import asyncapi, documents, json_schemas, main
from tests.unit.shared.events.strategies import events

COMMITTED = Path(__file__).parents[4] / "docs" / "events"
DOCUMENT = asyncapi()
SCHEMAS = json_schemas()


def test_the_committed_files_are_the_generated_ones() -> None:
    """`python -m shared.events.schemas docs/events` was run after the last change of an event."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in COMMITTED.glob("*.json")}
    assert committed == documents()


def test_a_type_that_is_no_more_leaves_no_file(tmp_path: Path) -> None:
    """Writing again removes what is stale."""
    (tmp_path / "io.linegate.gone.v1.schema.json").write_text("{}")
    main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(documents())


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def test_every_reference_of_the_asyncapi_document_resolves() -> None:
    """No reference points out of the document or into nothing."""
    references = set(_references(DOCUMENT))
    assert references
    for reference in references:
        node: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            assert step in node, reference
            node = node[step]


def test_the_document_has_each_type_on_its_topic() -> None:
    """A channel per topic, a message per type, an operation for each."""
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert set(DOCUMENT["channels"]) == {event.TOPIC for event in EVENT_TYPES}
    assert {m["name"] for m in DOCUMENT["components"]["messages"].values()} == {event.TYPE for event in EVENT_TYPES}
    assert len(DOCUMENT["operations"]) == len(EVENT_TYPES)
    assert DOCUMENT["operations"]["receivePartImage"]["action"] == "receive"


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_json_schema_is_one(name: str) -> None:
    """Valid by the draft it names."""
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@cache
def _validator(event_type: type[Event], part: str) -> jsonschema.Draft202012Validator:
    schema = DOCUMENT["components"]["messages"][event_type.__name__][part]
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


WHOLE = {name: jsonschema.Draft202012Validator(schema) for name, schema in SCHEMAS.items()}


@given(events)
def test_what_travels_fits_the_document(event: Event) -> None:
    """Headers of every event, and the data of JSON events, are as the AsyncAPI document says."""
    sent = encode(event)
    headers = {name: (data or b"").decode() for name, data in sent.headers}
    _validator(type(event), "headers").validate(headers)
    assert headers.keys() <= DOCUMENT["components"]["messages"][type(event).__name__]["headers"]["properties"].keys()
    if not isinstance(event, PixelEvent):
        _validator(type(event), "payload").validate(json.loads(sent.value or b""))


@given(events)
def test_every_event_fits_its_json_schema(event: Event) -> None:
    """All fields together, as JSON."""
    WHOLE[f"{event.TYPE}.schema.json"].validate(event.model_dump(mode="json"))
