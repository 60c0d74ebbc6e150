"""A version's report: HTML that lies in the store, beside the bundle. Whoever may write to the store wrote it.

It is shown without any right: the browser treats it as a document of no origin, runs no script of it and lets it load
nothing (W3C Content Security Policy Level 3, `sandbox`). Reports have no scripts; their styles and pictures are inline.
"""

from typing import Final

from fastapi.responses import Response

from services.console.problems import NotFound
from shared.registry.records import VersionRecord
from shared.store import ArtifactStore
from shared.store.errors import ArtifactMissing, StoreError

NAME: Final = "report.html"
MAX_BYTES: Final = 32 * 2**20
HEADERS: Final = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "private, no-store",
}


def exists(store: ArtifactStore, record: VersionRecord) -> bool | None:
    """Whether a version has one; None where that cannot be told, since the store does not answer."""
    try:
        return NAME in store.names(record.digest)
    except StoreError:
        return None


def answer(store: ArtifactStore, record: VersionRecord) -> Response:
    """The report as it lies there.

    Raises:
        NotFound: there is none, or one too large for a page.
        StoreUnavailable: the store does not answer.
    """
    try:
        content = store.read_named(record.digest, NAME)
    except ArtifactMissing:
        raise NotFound from None
    if len(content) > MAX_BYTES:
        raise NotFound
    return Response(content, media_type="text/html; charset=utf-8", headers=HEADERS)
