"""What a span may not carry: secrets that a client put into a request's query by mistake (RFC 6750, 2.3)."""

from typing import Final
from urllib.parse import parse_qsl, urlencode

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor

from shared.telemetry.logs import HIDDEN, SECRET_KEY, hide_tokens

_QUERY: Final = "url.query"


class HideQuerySecrets(SpanProcessor):
    """Cuts secrets out of the query that FastAPI notes on a request's span, before anything is exported."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Replace the query's secret values."""
        del parent_context
        query = (span.attributes or {}).get(_QUERY)
        if isinstance(query, str):
            span.set_attribute(_QUERY, hidden_query(query))


def hidden_query(query: str) -> str:
    """The query with `***` for each value that is secret by its name or by its look."""
    pairs = [
        (name, HIDDEN if SECRET_KEY.search(name) else hide_tokens(None, "", value))
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return urlencode(pairs, safe="*")
