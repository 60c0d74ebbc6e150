"""Malformed Kafka records, the same again for the same number, and what the event decoder may make of them."""

import copy
import json
import random
from collections.abc import Sequence
from functools import cache
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from shared.bus.dead_letter import PREFIX, dead_letter, revive
from shared.bus.envelope import MAX_REASON, EnvelopeRejected, decode, encode
from shared.bus.partitions import Taken
from shared.bus.processing import Processor, Publish
from shared.bus.record import Headers, OutgoingRecord, Record
from shared.bus.step import Emit, Result
from shared.events import EVENT_TYPES, Event
from tests.unit.shared.events.strategies import BY_TYPE

MEMORY_MIB = 64
"""A hard limit per event: `MAX_JSON_BYTES` of the worst JSON, parsed, complained of, and written as a dead letter."""
SEEDS_PER_TYPE = 12
TEXTS: tuple[bytes, ...] = (
    b"", b" ", b"\0", b"\n", b"\x1b[2J", b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", "\u202eten".encode(), b"a" * 300,
    b"a" * 70_000, b"1.0", b"0.3", b"null", b"true", b"NaN", b"Infinity", b"-Infinity", b"1e999999", b"-0", b"0x10",
    b"9" * 5000, b"1" + b"0" * 400, b"[" * 5000, b"[" * 190 + b"]" * 190, b'{"a":' * 5000, b"{}",
    b"[]", b'""', b'"\\ud800"',
    b'{"\\ud800":1}', b'{"a":1,"a":2}', b"[1e999999]",
    b"[" + b"0," * 30_000 + b"0]", b'{"name":"damage","result":"pass"}',
    b"io.linegate.image.v1", b"io.linegate.image.v2", b"io.linegate.image.v", b"io.linegate..v1", b"v1", b".v1",
    b"io.linegate.verdict.v1 ", b"IO.LINEGATE.IMAGE.V1", b"application/json", b"application/json;charset=utf-16",
    b"application/cloudevents+json", b"text/html", b"image/png", b"image/svg+xml", b"multipart/form-data",
    b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00", b"ff-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01", b"00-short-x-01",
    b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01", b"2026-01-01T00:00:00Z", b"2026-01-01", b"2026-01-01T00:00:00",
    b"9999-12-31T24:00:00Z", b"9999-12-31T23:59:59-14:00", b"0001-01-01T00:00:00+14:00", b"1969-12-31T23:59:59Z",
    b"2026-02-30T00:00:00Z", b"2026-01-01T00:00:00+99:99", b"2026-01-01T00:00:00.1234567890123Z", b"2026-W01-1T00:00Z",
    b"-2026-01-01T00:00:00Z", b"2026-01-01T23:59:60Z", b"1700000000", b"1e20", b"253402300800",
    "２０２６-01-01T00:00:00Z".encode(),  # noqa: RUF001 - that is the point
    b"http://x/", b"file:///etc/passwd", b"../../x", b"a" * 2049, b"a" * 64, b"0" * 64, b"A" * 64, b"%s%n{0}",
    b"${jndi:x}",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, -(10**400), 1e308, "", "x", "\0", "\x1b[31m",
    "x" * 2000, [], {}, [[]], [None],
    {"a": {}}, "2026-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", 253402300800, "pass", "fail", [0] * 300, [{}] * 300,
    {str(n): n for n in range(300)}, "\ud7ff\ue000", "\u2028",
)  # fmt: skip


@cache
def seeds() -> tuple[OutgoingRecord, ...]:
    """Valid records of every type there is; a type without a strategy is a `KeyError`."""
    return tuple(encode(event) for event_type in EVENT_TYPES for event in _drawn(BY_TYPE[event_type]))


def _drawn(strategy: SearchStrategy[Event]) -> list[Event]:
    """The same events each time."""
    drawn: list[Event] = []

    @settings(
        max_examples=SEEDS_PER_TYPE,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(event: Event) -> None:
        drawn.append(event)

    draw()
    return drawn


def case(index: int) -> Record:
    """The record of this number."""
    rng = random.Random(index)  # noqa: S311 - repeatable, not secret
    seed = rng.choice(seeds())
    headers, value = list(seed.headers), seed.value
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        if rng.random() < 0.75:
            headers = _headers(rng, headers)
        else:
            value = _value(rng, value or b"")
    if rng.random() < 0.03:
        headers = [
            (rng.choice(("", "ce_id", "\0", "ce_" + "x" * 300, "é")), rng.choice(TEXTS))
            for _ in range(rng.randrange(80))
        ]
    key = rng.choice((seed.key, None, b"", b"\xff", b"another part"))
    timestamp = rng.choice((-1, 0, 1_700_000_000_000, 2**63 - 1, -(2**63)))
    return Record(seed.topic, rng.randrange(9), rng.choice((0, 2**63 - 1)), timestamp, key, value, tuple(headers))


def _headers(rng: random.Random, headers: list[tuple[str, bytes | None]]) -> list[tuple[str, bytes | None]]:
    changed = list(headers)
    if not changed:
        return [("ce_id", b"1")]
    at = rng.randrange(len(changed))
    name, data = changed[at]
    what = rng.randrange(9)
    if what == 0:
        changed.pop(at)
    elif what == 1:
        changed.insert(
            rng.randrange(len(changed) + 1), (rng.choice((name, name.upper())), rng.choice((data, b"other")))
        )
    elif what == 2:
        changed[at] = (
            rng.choice((name.upper(), name + " ", "ce-" + name, name[3:], "ce_ce_x", name + "x", "é" + name)),
            data,
        )
    elif what == 3:
        changed[at] = name, None
    elif what == 4:
        text = bytearray(data or b"\0")
        text[rng.randrange(len(text))] = rng.randrange(256)
        changed[at] = name, bytes(text)
    elif what == 5:
        fields = (
            "ce_unknown",
            "traceparent",
            "ce_traceparent",
            "ce_dataref",
            "ce_datasize",
            "ce_pixels",
            "ce_mediatype",
            "ce_time",
            "ce_data",
            "ce_type",
            "content-type",
            "ce_datacontenttype",
            "lg_topic",
            "lg_reason",
        )
        changed.append((rng.choice(fields), rng.choice(TEXTS)))
    elif what == 6:
        other = rng.choice(seeds()).headers
        changed[at] = rng.choice(other)
    else:
        changed[at] = name, rng.choice(TEXTS)
    return changed


def _value(rng: random.Random, value: bytes) -> bytes | None:
    what = rng.randrange(6)
    if what == 0:
        return rng.choice((None, b"", value[: rng.randrange(len(value) + 1)], value + value, b"\xef\xbb\xbf" + value))
    if what == 1:
        return rng.choice(TEXTS)
    if what == 2:
        return rng.randbytes(rng.randrange(200))
    if what == 3:
        size = rng.choice((1_000, 900_000))
        return rng.choice((
            b"[" + b"[]," * (size // 3) + b"0]",
            b"{" + b",".join(b'"%d":0' % n for n in range(size // 9)) + b"}",
            b'{"checks":[' + b"{}," * (size // 3) + b"{}]}",
            b'{"a":"' + b"\\u0000" * (size // 6) + b'"}',
            b'{"a":' + b"9" * size + b"}",
        ))  # fmt: skip
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        return rng.choice(TEXTS)
    for _ in range(rng.choice((1, 1, 3))):
        _change(rng, data)
    text = json.dumps(data, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.1:
        text = text.replace(": 0", ": 1e999999", 1)
    return text.encode(errors="surrogatepass")


def _change(rng: random.Random, node: Any) -> None:
    """Somewhere in the tree: another value, a value less, or one that nobody knows."""
    while isinstance(node, (dict, list)) and node:
        keys: Sequence[Any] = list(node) if isinstance(node, dict) else range(len(node))
        key = rng.choice(keys)
        if isinstance(node[key], (dict, list)) and node[key] and rng.random() < 0.6:
            node = node[key]
            continue
        what = rng.randrange(4)
        if what == 0:
            del node[key]
        elif what == 1 and isinstance(node, dict):
            node[rng.choice(("unknown", "id", "source", "type", "", "__class__", "x" * 500))] = copy.deepcopy(
                rng.choice(VALUES)
            )
        else:
            node[key] = copy.deepcopy(rng.choice(VALUES))
        return


def check(record: Record) -> str:
    """The outcome. Accepted: an event that goes over the wire once more unchanged. Else: why not, in one line.

    Raises:
        AssertionError: the decoder broke its promise, or the record cannot be set aside and sent again.
    """
    try:
        event = decode(record, EVENT_TYPES)
    except EnvelopeRejected as rejected:
        reason = rejected.reason
        assert reason.strip()
        assert reason.isprintable()
        assert len(reason) <= MAX_REASON
        _check_dead_letter(record, reason)
        return f"rejected\t{reason}"
    assert event.id.isprintable() or not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in event.id)
    sent = encode(event)
    again = decode(Record(sent.topic, 0, 0, 0, sent.key, sent.value, sent.headers), [type(event)])
    assert again == event
    assert getattr(again, "pixels", None) == getattr(event, "pixels", None)
    _check_worker(record)
    return f"accepted\t{event.TYPE}"


def _check_dead_letter(record: Record, reason: str) -> None:
    letter = dead_letter(record, reason, worker="fuzz-0")
    assert (letter.key, letter.value, letter.headers[: len(record.headers)]) == (
        record.key,
        record.value,
        record.headers,
    )
    revived = revive(Record(letter.topic, 0, 0, 0, letter.key, letter.value, letter.headers))
    assert (revived.topic, revived.key, revived.value) == (record.topic, record.key, record.value)
    assert _foreign(revived.headers) == _foreign(record.headers)


def _foreign(headers: Headers) -> Headers:
    """The headers that are none of ours to add."""
    return tuple(header for header in headers if not header[0].startswith(PREFIX))


def _echo(events: Sequence[Event]) -> list[Result]:
    return [Emit((event,)) for event in events]


def _check_worker(record: Record) -> None:
    """What a worker does around the step, tracing and encoding, takes every event that the decoder lets through."""
    done = Processor(_echo, EVENT_TYPES, worker="fuzz-0", group="fuzz")([Taken(record, 1, 0.0)])
    assert done.error is None, repr(done.error)
    assert all(isinstance(outcome, Publish) for outcome in done.outcomes)


def warm_up() -> None:
    """Draw the seeds and build every validator before memory is counted."""
    for sent in seeds():
        check(Record(sent.topic, 0, 0, 0, sent.key, sent.value, sent.headers))
