"""Liveness and readiness of a process, on a port of their own that asks nobody who they are.

`/healthz`: 200 as long as the process works; 503 means "kill and start again". `/readyz`: 200 when it does its job;
503 means "wait". They show nothing but that, so that an orchestrator needs no token, and the API's port has no gap.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from shared.http_server import HttpServer
from shared.settings.sections import ProbesSettings

GRACE_SECONDS: Final = 1
Fault = Callable[[], str | None]
"""What is wrong, in a word or two for a person; None where all is well. May block for a moment. Any thread."""
_log = structlog.get_logger(__name__)


@contextmanager
def probes(settings: ProbesSettings, *, dead: Fault, unready: Fault) -> Iterator[str | None]:
    """Answer probes for the length of a `with` block; gives their URL, or None where the settings want none.

    Args:
        settings: where to listen.
        dead: why the process should be killed.
        unready: why it does not do its job yet, or not now; a dead process is not ready either.

    Raises:
        LinegateError: the address cannot be listened on.
    """
    if settings.port is None:
        yield None
        return
    app = probe_app(dead, unready)
    with HttpServer(app, host=settings.host, port=settings.port, section="probes", grace_s=GRACE_SECONDS) as server:
        _log.info("probes listen", url=server.url)
        yield server.url


def probe_app(dead: Fault, unready: Fault) -> Starlette:
    """The application that answers them."""

    # Not coroutines: Starlette runs these on threads, so that a probe that blocks holds up no other.
    def healthz(_: Request) -> JSONResponse:
        return _answer("alive", dead())

    def readyz(_: Request) -> JSONResponse:
        return _answer("ready", dead() or unready())

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz)])


def _answer(well: str, fault: str | None) -> JSONResponse:
    if fault is None:
        return JSONResponse({"status": well})
    return JSONResponse({"status": f"not {well}", "reason": fault}, 503)
