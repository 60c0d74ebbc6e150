"""`/history`: fail rates of the past. Questions are asked on threads, few at a time, each with limits of its own."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from services.console.deps import Deps
from services.console.pages.history.asked import BY, PERIODS, Asked, scope
from services.console.pages.history.view import known_values, page, same_days
from services.console.problems import PageError
from services.console.visitor import Here, Visitor
from services.console.words import N_
from shared.auth.principal import ALL_PLANTS
from shared.events import now
from shared.history import History, HistoryTooLarge, Scope, Summary, summary_csv, verdicts_csv
from shared.registry.errors import RegistryUnavailable
from shared.registry.place_key import PlaceKey
from shared.registry.visible import visible
from shared.store.errors import StoreUnavailable

AT_ONCE: Final = 3
"""Questions at once; each may take `history.threads` and `history.memory_mib`."""
PATIENCE_S: Final = 10.0
"""How long one waits for its turn."""
_log = structlog.get_logger(__name__)


def routes(deps: Deps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/history")
    asking = _Asking(deps)

    @router.get("")
    def shown(request: Request, visitor: Here, asked: Annotated[Asked, Query()]) -> HTMLResponse:
        problem, answer = "", None
        try:
            answer = asking.summary(visitor, asked)
            if asked.by == "day":
                answer = same_days(answer, visitor.words.zone, visitor.words.zone(visitor.plant))
        except HistoryTooLarge as error:
            _log.info("a question was too large", error=str(error), query=str(request.url.query))
            problem = "large"
        except StoreUnavailable as error:
            _log.warning("the history cannot be read", error=str(error), hint=error.hint)
            problem = "away"
        context: dict[str, Any] = {
            "asked": asked,
            "view": None if answer is None else page(answer),
            "problem": problem,
            "groupings": BY,
            "periods": (*PERIODS, "days"),
            "suggestions": _suggestions(deps, visitor),
        }
        return deps.screen.page(request, "history/page.html", status=503 if problem else 200, **context)

    @router.get("/summary.csv")
    def summary_file(visitor: Here, asked: Annotated[Asked, Query()]) -> Response:
        lines = summary_csv(asking.summary(visitor, asked))
        return Response("".join(lines), media_type="text/csv; charset=utf-8", headers=_file(f"fails-by-{asked.by}"))

    @router.get("/verdicts.csv")
    def verdicts_file(visitor: Here, asked: Annotated[Asked, Query()]) -> StreamingResponse:
        lines = verdicts_csv(asking.rows(visitor, asked))
        # The head says nothing yet: with the first row it is known whether the store answers.
        first = list(itertools.islice(lines, 2))
        return StreamingResponse(
            itertools.chain(first, lines), media_type="text/csv; charset=utf-8", headers=_file("verdicts")
        )

    return router


class _Asking:
    """Asks the history for visitors, a few at a time."""

    def __init__(self, deps: Deps) -> None:
        settings = deps.settings
        self._history: Final = History(settings.store, settings.plants, settings.history)
        self._places: Final = threading.BoundedSemaphore(AT_ONCE)

    def summary(self, visitor: Visitor, asked: Asked) -> Summary:
        """Counts by group.

        Raises:
            PageError: too many ask.
            HistoryTooLarge, StoreUnavailable: see `History`.
        """
        with self._place():
            return self._history.summary(asked.by, _scope(visitor, asked))

    def rows(self, visitor: Visitor, asked: Asked) -> Iterator[dict[str, Any]]:
        """All rows; the place is held until the last one is read.

        Raises:
            PageError: too many ask.
            HistoryTooLarge, StoreUnavailable: see `History`.
        """
        with self._place():
            yield from self._history.rows(_scope(visitor, asked))

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=PATIENCE_S):
            raise PageError(503, N_("Too many ask the history at once"), hint=N_("Try again in a moment."))
        try:
            yield
        finally:
            self._places.release()


def _scope(visitor: Visitor, asked: Asked) -> Scope:
    named = visitor.principal.plants
    return scope(
        asked,
        plant=visitor.plant,
        plants=None if ALL_PLANTS in named else tuple(sorted(named)),
        zone=visitor.words.zone(visitor.plant),
        now=now(),
    )


def _suggestions(deps: Deps, visitor: Visitor) -> dict[str, tuple[str, ...]]:
    """What the registry knows of; other values may be typed as well."""
    try:
        snapshot = visible(deps.registry.snapshot(), visitor.principal)
    except RegistryUnavailable:
        return {"line": (), "station": (), "layout": (), "version": ()}
    keys = [PlaceKey(text).named for text in (*snapshot.assignments, *snapshot.stations)]
    fields = ("line", "station", "layout")
    found = {field: known_values(key.get(field) for key in keys) for field in fields}
    return {**found, "version": known_values(snapshot.versions)}


def _file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="linegate-{name}.csv"'}
