"""Trace contexts: what an event leads to goes on in that event's own trace."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.bus import tracing
from shared.events import PartImage, now

CAUSE = PartImage(
    id="cause", part="p", plant="munich", line="line-1", captured=now(), pixels=b"x", mediatype="image/png",
    traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01",
)  # fmt: skip
EFFECT = CAUSE.model_copy(update={"id": "effect", "traceparent": None})


def test_without_a_configured_tracer_the_trace_still_goes_on() -> None:
    """Same trace, a span id of its own, every time another one."""
    with tracing.process_span("t", "g", [CAUSE]) as batch:
        first, second = (tracing.continue_trace(EFFECT, CAUSE, batch).traceparent for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.split("-")[1] == second.split("-")[1] == "ab" * 16
    assert len({first.split("-")[2], second.split("-")[2], "cd" * 8}) == 3
    PartImage.model_validate(EFFECT.model_dump() | {"traceparent": first, "pixels": b"x"})


def test_with_a_tracer_the_spans_link_as_the_conventions_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch's span links to its messages; a sent message's span is a child of its cause and links to the batch."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "TRACER", provider.get_tracer("test"))
    with tracing.process_span("linegate.images", "crop", [CAUSE]) as batch:
        sent = tracing.continue_trace(EFFECT, CAUSE, batch)
    send, process = exporter.get_finished_spans()
    assert [f"{link.context.span_id:016x}" for link in process.links] == ["cd" * 8]
    assert process.attributes is not None
    assert process.attributes["messaging.batch.message_count"] == 1
    assert send.parent is not None
    assert f"{send.parent.span_id:016x}" == "cd" * 8
    assert send.links[0].context.span_id == process.context.span_id
    assert sent.traceparent == f"00-{'ab' * 16}-{send.context.span_id:016x}-01"
    provider.shutdown()
