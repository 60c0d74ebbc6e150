"""Events on the wire: CloudEvents 1.0, Kafka binary mode, and what is refused with which words."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.envelope import EnvelopeRejected, decode, encode
from shared.bus.record import Headers, OutgoingRecord, Record
from shared.events import EVENT_TYPES, Event, PartImage, PixelEvent, Verdict, now
from tests.unit.shared.events.strategies import events

IMAGE = PartImage(
    id="1", part="p1", plant="munich", line="line-1", captured=now(), pixels=b"\xff\xd8", mediatype="image/jpeg"
)


def received(sent: OutgoingRecord, **changes: Any) -> Record:
    """What a consumer gets of it."""
    fields = {"key": sent.key, "value": sent.value, "headers": sent.headers} | changes
    return Record(sent.topic, 0, 7, 1700000000000, **fields)


def with_headers(**changes: bytes | None) -> Headers:
    """The headers of IMAGE, changed or (None) left out; `content_type` is spelt with a dash."""
    renamed = {name.replace("content_type", "content-type"): data for name, data in changes.items()}
    headers = dict(encode(IMAGE).headers) | renamed
    return tuple((name, data) for name, data in headers.items() if data is not None)


def refusal(record: Record) -> str | None:
    """Why the decoder refuses `record`; None when it does not."""
    try:
        decode(record, EVENT_TYPES)
    except EnvelopeRejected as rejected:
        return rejected.reason
    return None


def changed(**changes: bytes | None) -> Callable[[], Record]:
    """IMAGE as received, with headers changed or left out."""
    return lambda: received(encode(IMAGE), headers=with_headers(**changes))


@given(events)
def test_every_event_survives_the_wire(event: Event) -> None:
    """Encode, decode: the same event, of every type."""
    sent = encode(event)
    back = decode(received(sent), EVENT_TYPES)
    assert back == event
    assert getattr(back, "pixels", None) == getattr(event, "pixels", None)
    names = [name for name, _ in sent.headers]
    assert len(set(names)) == len(names)


@given(events)
def test_the_wire_form_is_what_cloudevents_asks_for(event: Event) -> None:
    """Required attributes as headers; the picture, or JSON without them, as the value; the part as the key."""
    sent = encode(event)
    headers = {name: (data or b"").decode() for name, data in sent.headers}
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_type"] == event.TYPE
    assert headers["ce_id"] == event.id
    assert all(name == "content-type" or name.removeprefix("ce_").isalnum() for name in headers)
    assert all(name == name.lower() for name in headers)
    if isinstance(event, PixelEvent):
        assert sent.value == (event.pixels or b"")
        assert sent.key == event.part.encode()
    else:
        assert headers["content-type"] == "application/json"
        assert {"id", "source", "time", "traceparent"}.isdisjoint(json.loads(sent.value or b""))


@given(
    st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=40)), max_size=12), st.binary(max_size=80)
)
def test_no_record_breaks_the_decoder(headers: list[tuple[str, bytes | None]], value: bytes) -> None:
    """Whatever lies on a topic: a refusal of one printable line."""
    reason = refusal(received(encode(IMAGE), headers=tuple(headers), value=value))
    assert reason is not None
    assert reason.isprintable()
    assert len(reason) < 400


@given(st.data())
def test_a_damaged_record_is_refused_or_still_an_event(data: st.DataObject) -> None:
    """Any one header replaced by anything."""
    sent = encode(data.draw(events))
    index = data.draw(st.integers(0, len(sent.headers) - 1))
    headers = list(sent.headers)
    headers[index] = (headers[index][0], data.draw(st.none() | st.binary(max_size=60)))
    reason = refusal(received(sent, headers=tuple(headers)))
    assert reason is None or reason.isprintable()


REFUSED: dict[str, tuple[Callable[[], Record], str]] = {
    "no headers": (lambda: received(encode(IMAGE), headers=()), "missing header ce_specversion, ce_type"),
    "no id": (changed(ce_id=None), "missing header ce_id"),
    "old CloudEvents": (changed(ce_specversion=b"0.3"), "specversion 0.3"),
    "newer schema": (
        changed(ce_type=b"io.linegate.image.v9"),
        "io.linegate.image.v9: this worker speaks v1",
    ),
    "foreign type": (changed(ce_type=b"com.acme.x"), "unknown event type com.acme.x"),
    "wrong topic": (
        changed(ce_type=Verdict.TYPE.encode()), "does not belong here"
    ),
    "misspelt": (changed(ce_plnat=b"munich"), "unknown header ce_plnat"),
    "no plant": (changed(ce_plant=None), "plant: Field required"),
    "bad plant": (changed(ce_plant=b"M\xc3\xbcnchen"), "not 'München'"),
    "two ids": (
        lambda: received(encode(IMAGE), headers=(*with_headers(), ("CE_ID", b"2"))), "header ce_id appears twice"
    ),
    "no text": (changed(ce_line=b"\xff"), "not UTF-8"),
    "no time": (changed(ce_time=b"soon"), "ISO"),
    "naive time": (changed(ce_time=b"2026-01-01T00:00:00"), "timezone aware"),
    "a header bomb": (changed(x=bytes(70_000)), "bytes of headers"),
    "many headers": (lambda: received(encode(IMAGE), headers=(("x", b""),) * 65), "65 headers"),
    "no picture": (lambda: received(encode(IMAGE), value=None), "no picture"),
    "unknown picture": (changed(content_type=b"text/html"), "mediatype"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_says_what_is_wrong(case: str) -> None:
    """One line with a hint, for the person who mends the sender."""
    make, words = REFUSED[case]
    types = [PartImage]
    with pytest.raises(EnvelopeRejected) as refused:
        decode(make(), types)
    assert words in refused.value.reason
    assert refused.value.reason.isprintable()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not an object"),
        (b'{"id": "2"}', "id belongs in the ce_ headers"),
        (b'{"low": NaN}', "not JSON"),
        (b"[" * 5000, "not JSON"),
        (bytes(1_048_577), "at most 1048576"),
        (b'{"unheard": 1}', "io.linegate.verdict.v1"),
    ],
)
def test_wrong_json_is_refused(value: bytes, words: str) -> None:
    """The data of a JSON event."""
    headers = with_headers(ce_type=Verdict.TYPE.encode(), content_type=b"application/json; charset=utf-8")
    with pytest.raises(EnvelopeRejected, match=words):
        decode(received(encode(IMAGE), headers=headers, value=value), [Verdict])


def test_json_under_a_picture_s_content_type_is_refused() -> None:
    """The content type has to fit the event."""
    with pytest.raises(EnvelopeRejected, match="travels as application/json"):
        decode(received(encode(IMAGE), headers=with_headers(ce_type=Verdict.TYPE.encode()), value=b"{}"), [Verdict])


def test_other_systems_additions_are_tolerated() -> None:
    """Partition key, trace state, a schema, and headers that are not CloudEvents'."""
    headers = with_headers(ce_partitionkey=b"p1", ce_tracestate=b"a=b", ce_subject=b"x", sequence=b"\xff")
    assert decode(received(encode(IMAGE), headers=headers), [PartImage]) == IMAGE


def test_the_plain_trace_header_of_opentelemetry_is_understood() -> None:
    """For senders whose instrumentation writes `traceparent`, not the CloudEvents extension; nonsense is ignored."""
    trace = b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"
    assert (
        decode(received(encode(IMAGE), headers=with_headers(traceparent=trace)), [PartImage]).traceparent
        == trace.decode()
    )
    assert decode(received(encode(IMAGE), headers=with_headers(traceparent=b"x")), [PartImage]).traceparent is None


def test_a_sender_that_names_no_time_gets_the_record_s() -> None:
    """The same whenever it is read; a record without a clock of its own gets ours."""
    record = changed(ce_time=None)()
    assert decode(record, [PartImage]).time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    before = now()
    assert decode(replace(record, timestamp=-1), [PartImage]).time >= before
