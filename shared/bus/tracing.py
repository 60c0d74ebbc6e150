"""Trace context through the bus: spans by hand, because auto-instrumentation hides transactions, seek and pause.

A batch's `process` span links to its messages' contexts (OpenTelemetry messaging conventions). What an event leads to
goes on in that event's own trace. Without a configured tracer the ids are still made and passed on, so that every
verdict names a trace.
"""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from shared.events import Event

TRACER: Final = trace.get_tracer("linegate.bus")
EventT = TypeVar("EventT", bound=Event)


def with_trace(event: EventT) -> EventT:
    """`event` with a trace context; one made from its id where it came without, so that a replay has the same."""
    if event.traceparent is not None:
        return event
    digest = hashlib.sha256(event.id.encode()).hexdigest()
    return event.model_copy(update={"traceparent": f"00-{digest[:32]}-{digest[32:48]}-01"})


def span_context(traceparent: str) -> SpanContext:
    """The remote span that a W3C `traceparent` names."""
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


@contextmanager
def process_span(topic: str, group: str, events: Sequence[Event]) -> Iterator[SpanContext]:
    """The span of one batch in the step, linked to the context of each event."""
    links = [Link(span_context(event.traceparent)) for event in events if event.traceparent is not None]
    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": topic,
        "messaging.consumer.group.name": group,
        "messaging.batch.message_count": len(events),
    }
    with TRACER.start_as_current_span(
        f"process {topic}", kind=SpanKind.CONSUMER, links=links, attributes=attributes
    ) as span:
        yield span.get_span_context()


def continue_trace(outgoing: EventT, cause: Event, batch: SpanContext) -> EventT:
    """`outgoing` with a context of its own in the trace of `cause`, the event it follows from."""
    parent = span_context(with_trace(cause).traceparent or "")
    attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": outgoing.TOPIC,
        "messaging.message.id": outgoing.id,
    }
    span = TRACER.start_span(
        f"send {outgoing.TOPIC}",
        context=trace.set_span_in_context(NonRecordingSpan(parent)),
        kind=SpanKind.PRODUCER,
        links=[Link(batch)] if batch.is_valid else [],
        attributes=attributes,
    )
    span.end()
    own = span.get_span_context()
    # Without a configured tracer, OpenTelemetry hands the parent's context back: make a span id ourselves.
    span_id = own.span_id if own.is_valid and own.span_id != parent.span_id else secrets.randbits(63) + 1
    text = f"00-{parent.trace_id:032x}-{span_id:016x}-{own.trace_flags if own.is_valid else parent.trace_flags:02x}"
    return outgoing.model_copy(update={"traceparent": text})
