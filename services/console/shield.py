"""Around every request: changes only from our own pages, and headers that tell browsers what a page may do."""

from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""No inline script, no inline style, nothing from elsewhere."""
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_log = structlog.get_logger(__name__)


class Shield:
    """ASGI middleware. Not Starlette's base class for such, which would hold up streams.

    Args:
        app: within.
        origin: as browsers know us, e.g. `https://linegate.plant.example`; None: as the request's `Host` has it.
    """

    def __init__(self, app: ASGIApp, *, origin: str | None = None) -> None:
        self._app: Final = app
        self._origin: Final = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    # An answer of less trust than a page, such as a report, has brought stricter ones.
                    headers.setdefault(name, value)
                # What one visitor may see is not for the next one at the same machine.
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if scope["method"] not in SAFE_METHODS and not same_origin(Headers(scope=scope), scope["scheme"], self._origin):
            _log.warning("a change from another site was refused", path=scope["path"])
            refusal = PlainTextResponse("Changes are taken from the console's own pages only.\n", 403)
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def same_origin(headers: Headers, scheme: str, own: str | None) -> bool:
    """Whether a request comes from a page of ours, by what the browser says and no page can change.

    `Sec-Fetch-Site` (W3C Fetch Metadata) where it is sent: over HTTPS, and on this machine. `Origin` (RFC 6454)
    otherwise. A request with neither is refused: every browser of these years sends one of them with a change.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = headers.get("origin")
    if origin is None:
        return site == "same-origin"
    return origin.lower() in {own, f"{scheme}://{headers.get('host', '')}".lower()}
