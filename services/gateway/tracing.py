"""The trace a photo goes on in: the request's own span where this process has a tracer, else the client's."""

import re
from typing import Final

from opentelemetry import trace

_TRACEPARENT: Final = re.compile(r"^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


def traceparent(header: str | None) -> str | None:
    """The W3C `traceparent` for an event, given the request's; a malformed one is ignored, as the standard asks.

    FastAPI makes the request's span, a child of the client's; without a configured tracer it hands the client's on.
    """
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    return header if _TRACEPARENT.match(header or "") else None
