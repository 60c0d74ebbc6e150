"""Event <-> Kafka record: CloudEvents 1.0, Kafka protocol binding, binary content mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md, through the
cloudevents library. A pixel event's value is the picture, and every other field is one `ce_<name>` header. Any other
event's value is its fields as JSON (`application/json`), beside `ce_id`, `ce_source`, `ce_time` and `ce_traceparent`.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import pydantic_core
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import ValidationError

from shared.bus.attributes import CONTEXT, from_attributes, to_attributes
from shared.bus.record import OutgoingRecord, Record
from shared.events import EVENT_TYPES, Event, PixelEvent

JSON: Final = "application/json"
MAX_HEADERS: Final = 64
MAX_HEADER_BYTES: Final = 65_536
MAX_JSON_BYTES: Final = 1_048_576
MAX_JSON_VALUES: Final = 10_000
"""Each wrong one costs a kilobyte to complain of."""
_LAST_TIMESTAMP: Final = 253_370_764_800_000
"""Milliseconds; the year 9999. Kafka takes any 64-bit number from a sender."""
MAX_REASON: Final = 400
"""Characters; a reason travels in a header, and people read it."""
_REQUIRED: Final = ("ce_specversion", "ce_type", "ce_source", "ce_id")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class EnvelopeRejected(ValueError):
    """The record is not an event that this reader takes; the message is one printable line with a hint."""

    def __init__(self, reason: str) -> None:
        self.reason: Final = _one_line(reason, MAX_REASON)
        super().__init__(self.reason)


class _Bytes(JSONFormat):
    """Data as it lies in the record: the library would turn pictures that happen to be UTF-8 into text."""

    def write_data(self, data: dict[str, Any] | str | bytes | None, datacontenttype: str | None) -> bytes:
        if not isinstance(data, bytes):
            raise TypeError(f"data must be bytes, not {type(data).__name__} ({datacontenttype})")
        return data

    def read_data(self, body: bytes, datacontenttype: str | None) -> bytes:  # noqa: ARG002 - the library's signature
        return body


_FORMAT: Final = _Bytes()


def encode(event: Event) -> OutgoingRecord:
    """The record that carries `event` on its type's topic. The key is the part: one part's events stay in order."""
    attributes = to_attributes(event)
    if isinstance(event, PixelEvent):
        data = event.pixels or b""
        if event.mediatype is not None:
            attributes["datacontenttype"] = event.mediatype
    else:
        data = event.model_dump_json(exclude=set(CONTEXT)).encode()
        attributes["datacontenttype"] = JSON
    key = event.record_key
    message = to_binary(CloudEvent(attributes, data), _FORMAT, key_mapper=lambda _event: key)
    return OutgoingRecord(event.TOPIC, key.encode(), message.value, tuple(message.headers.items()))


def decode(record: Record, types: Iterable[type[Event]]) -> Event:
    """The event in `record`, which must be one of `types`.

    Raises:
        EnvelopeRejected: it is not; the reason says what is wrong and what to do about it.
    """
    headers = _headers(record)
    event_type = _event_type(headers["ce_type"], tuple(types))
    value = record.value or b""
    try:
        cloud_event = from_binary(KafkaMessage(headers=headers, key=None, value=value), _FORMAT, CloudEvent)
        fields = from_attributes(event_type, cloud_event.get_attributes())
        content_type = cloud_event.get_datacontenttype()
        if issubclass(event_type, PixelEvent):
            fields |= {"pixels": value or None, "mediatype": content_type}
        else:
            fields |= _json(value, content_type, event_type)
    except BaseCloudEventException as error:
        raise EnvelopeRejected(f"not a CloudEvent: {_one_line(str(error))}") from error
    except UnicodeDecodeError as error:
        raise EnvelopeRejected("a header is not UTF-8; CloudEvents attributes are UTF-8 text") from error
    except EnvelopeRejected:
        raise
    except (ValueError, OverflowError) as error:  # OverflowError: the end of the last day that a datetime can tell
        # The library's own complaint about ce_time does not name it.
        at = "" if str(error).startswith(("ce_", "unknown")) else "ce_time is not an ISO 8601 time: "
        raise EnvelopeRejected(_one_line(at + str(error))) from error
    fields.setdefault("traceparent", _plain_traceparent(record))
    if "ce_time" not in headers and 0 <= record.timestamp < _LAST_TIMESTAMP:
        # The record's own clock rather than ours, which the library puts in: the same again whenever it is read.
        fields["time"] = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    try:
        return event_type.model_validate(fields)
    except ValidationError as error:
        raise EnvelopeRejected(f"{event_type.TYPE}: {_summary(error)}") from error


def _headers(record: Record) -> dict[str, bytes]:
    if len(record.headers) > MAX_HEADERS:
        raise EnvelopeRejected(f"{len(record.headers)} headers; at most {MAX_HEADERS} are read")
    size = sum(len(name) + len(data or b"") for name, data in record.headers)
    if size > MAX_HEADER_BYTES:
        raise EnvelopeRejected(f"{size} bytes of headers; at most {MAX_HEADER_BYTES} are read. Pixels go in the value")
    headers: dict[str, bytes] = {}
    for name, data in record.headers:
        lower = name.lower()
        if not lower.startswith("ce_") and lower != "content-type":
            continue
        if lower in headers:
            raise EnvelopeRejected(f"header {lower} appears twice; send each attribute once")
        if data is None:
            raise EnvelopeRejected(f"header {lower} has no value; leave it out instead")
        headers[lower] = data
    missing = [name for name in _REQUIRED if not headers.get(name)]
    if missing:
        # The library would invent an id, and the same photo would get two verdicts.
        raise EnvelopeRejected(f"missing header {', '.join(missing)}: send CloudEvents 1.0 in Kafka binary mode")
    version = headers["ce_specversion"]
    if version != b"1.0":
        raise EnvelopeRejected(f"CloudEvents specversion {_text(version)} is not supported; send 1.0")
    return headers


def _event_type(name: bytes, types: tuple[type[Event], ...]) -> type[Event]:
    given = _text(name)
    for event_type in types:
        if given == event_type.TYPE:
            return event_type
    stem, _, version = given.rpartition(".v")
    for event_type in types:
        own_stem, _, own_version = event_type.TYPE.rpartition(".v")
        if stem == own_stem:
            raise EnvelopeRejected(f"{given}: this worker speaks v{own_version}, not v{version}; update one of the two")
    wanted = ", ".join(event_type.TYPE for event_type in types)
    if any(given == event_type.TYPE for event_type in EVENT_TYPES):
        raise EnvelopeRejected(f"{given} does not belong here; expected {wanted}")
    raise EnvelopeRejected(f"unknown event type {given}; expected {wanted}")


def _json(value: bytes, content_type: str | None, event_type: type[Event]) -> dict[str, Any]:
    if content_type is not None and content_type.partition(";")[0].strip().lower() != JSON:
        raise EnvelopeRejected(f"content-type is {_one_line(content_type)}, but {event_type.TYPE} travels as {JSON}")
    if len(value) > MAX_JSON_BYTES:
        raise EnvelopeRejected(f"{len(value)} bytes of JSON; at most {MAX_JSON_BYTES} are read")
    try:
        data = pydantic_core.from_json(value, allow_inf_nan=False)
    except ValueError as error:
        raise EnvelopeRejected(f"the value is not JSON: {_one_line(str(error))}") from error
    if not isinstance(data, dict):
        raise EnvelopeRejected(f"the value is JSON, but not an object: {type(data).__name__}")
    if _is_large(data):
        raise EnvelopeRejected(f"the value is JSON of more than {MAX_JSON_VALUES} values, more than are read")
    if doubled := sorted(CONTEXT & data.keys()):
        raise EnvelopeRejected(f"{', '.join(doubled)} belongs in the ce_ headers, not in the data")
    return data


def _is_large(data: dict[str, Any]) -> bool:
    """Whether there are more than MAX_JSON_VALUES values in it, at any depth."""
    count, rest = 0, list[Any]([data])
    while rest and count <= MAX_JSON_VALUES:
        inner = rest.pop()
        count += len(inner)
        # The parser allows a depth of 200: what is left to look at stays small.
        rest.extend(v for v in (inner.values() if isinstance(inner, dict) else inner) if isinstance(v, (dict, list)))
    return count > MAX_JSON_VALUES


def _plain_traceparent(record: Record) -> str | None:
    """The header that OpenTelemetry's instrumented producers set, for senders that do not know the ce_ one."""
    for name, data in record.headers:
        text = (data or b"").decode("ascii", errors="replace")
        if name.lower() == "traceparent" and _TRACEPARENT.fullmatch(text):
            return text
    return None


def _summary(error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_input=True)
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"])
    shown = "" if first["type"] in {"missing", "value_error"} else f", not {_one_line(repr(first['input']), 60)}"
    message = f"{place}: {first['msg']}{shown}" if place else first["msg"]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return _one_line(message) + more


def _text(data: bytes) -> str:
    return _one_line(data.decode("utf-8", errors="backslashreplace"), 80)


def _one_line(text: str, limit: int = 240) -> str:
    text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
