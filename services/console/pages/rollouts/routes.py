"""`/rollouts`: what judges where, and the steps that change it.

A key's five fields are five fields of the path, as on the gateway: `/rollouts/munich/line-1/*/*/*`. Nothing is done by
a GET: each step has a page of its own that asks (a dialog where the page has scripts), and a POST that does it.
"""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.console.answers import is_part
from services.console.deps import Deps
from services.console.pages.rollouts import report
from services.console.pages.rollouts.asked import Asked
from services.console.pages.rollouts.comparison import BINS, MOST_RATIO, Comparison, comparison
from services.console.pages.rollouts.outcome import Outcome, outcome
from services.console.pages.rollouts.take import ChangedMeanwhile, known, take
from services.console.pages.rollouts.view import (
    Change,
    Entry,
    by_plant,
    changes,
    choices,
    entry,
    unplaced,
    version_row,
    version_rows,
)
from services.console.pages.rollouts.wording import question
from services.console.problems import NotFound
from services.console.visitor import Here, Visitor, visitor_of
from shared.auth import Permission
from shared.events import now
from shared.registry.errors import TransitionRejected
from shared.registry.place_key import WILDCARD, PlaceKey
from shared.registry.places import covering
from shared.registry.snapshot import Snapshot
from shared.store import ArtifactStore

_ONE: Final = "/{plant}/{line}/{station}/{layout}/{camera}"
_AXIS: Final[dict[str, Any]] = {"bins": BINS, "most_ratio": MOST_RATIO}
VERSIONS: Final = 50
"""Shown with the rollouts, unless every one is asked for."""
CHANGES: Final = 30
"""Of the history shown with one key."""
_Part = Annotated[str, Path(max_length=64)]


def _key(plant: _Part, line: _Part, station: _Part, layout: _Part, camera: _Part) -> PlaceKey:
    try:
        return PlaceKey(f"{plant}/{line}/{station}/{layout}/{camera}")
    except ValueError:
        raise NotFound from None


Key = Annotated[PlaceKey, Depends(_key)]


def routes(deps: Deps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/rollouts")
    _overviews(router, deps)
    _versions(router, deps, ArtifactStore(deps.settings.store))
    _entries(router, deps)
    _steps(router, deps)
    return router


def _overviews(router: APIRouter, deps: Deps) -> None:
    @router.get("")
    def page(request: Request, visitor: Here, every: bool = False) -> HTMLResponse:
        return deps.screen.page(request, "rollouts/page.html", **_overview(deps, visitor, every=every))

    @router.get("/list")
    def listed(request: Request, visitor: Here, every: bool = False) -> HTMLResponse:
        return deps.screen.page(request, "rollouts/list.html", **_overview(deps, visitor, every=every))


def _versions(router: APIRouter, deps: Deps, store: ArtifactStore) -> None:
    @router.get("/versions/{version}")
    def one_version(request: Request, visitor: Here, version: str) -> HTMLResponse:
        snapshot = known(deps.registry, visitor)
        record = snapshot.version(version)
        if record is None:
            raise NotFound
        context: dict[str, Any] = {"row": version_row(snapshot, record), "has_report": report.exists(store, record)}
        return deps.screen.page(request, "rollouts/version.html", snapshot=snapshot, **context)

    @router.get("/versions/{version}/report")
    def version_report(visitor: Here, version: str) -> Response:
        record = known(deps.registry, visitor).version(version)
        if record is None:
            raise NotFound
        return report.answer(store, record)


def _entries(router: APIRouter, deps: Deps) -> None:
    @router.get(_ONE)
    def one(request: Request, visitor: Here, key: Key, done: int | None = None) -> HTMLResponse:
        context = _one(deps, visitor, key)
        taken = next((change for change in context["history"] if change.revision == done), None)
        return deps.screen.page(request, "rollouts/entry.html", done=taken, **context)

    @router.get(f"{_ONE}/now")
    def one_now(request: Request, visitor: Here, key: Key) -> HTMLResponse:
        return deps.screen.page(request, "rollouts/entry_now.html", **_one(deps, visitor, key))

    @router.get(f"{_ONE}/history")
    def one_history(request: Request, visitor: Here, key: Key) -> HTMLResponse:
        visitor.must(Permission.READ_VERDICT, key.plant)
        return deps.screen.page(request, "rollouts/entry_history.html", key=key, history=_history(deps, key))

    @router.get(f"{_ONE}/comparison")
    def compared(request: Request, visitor: Here, key: Key) -> HTMLResponse:
        visitor.must(Permission.READ_VERDICT, key.plant)
        found = _comparisons(deps, known(deps.registry, visitor), key)
        return deps.screen.page(request, "rollouts/comparison.html", key=key, comparisons=found, **_AXIS)


def _steps(router: APIRouter, deps: Deps) -> None:
    @router.get(f"{_ONE}/{{step}}")
    def ask(request: Request, key: Key, step: str, asked: Annotated[Asked, Query()]) -> HTMLResponse:
        return _ask(deps, request, key, step, asked)

    @router.post(f"{_ONE}/{{step}}")
    def do(request: Request, visitor: Here, key: Key, step: str, asked: Annotated[Asked, Form()]) -> Response:
        try:
            done = take(deps.registry, visitor, key, step, asked.step(step), based_on=asked.based_on)
        except ChangedMeanwhile as conflict:
            return _ask(deps, request, key, step, asked, conflict)
        deps.live.changes.tell("rollouts", None if key.plant == WILDCARD else key.plant)
        told = {"done": str(done.revision)} | ({} if visitor.plant is None else {"plant": visitor.plant})
        return RedirectResponse(f"/rollouts/{key}?{urlencode(told)}", 303)


def _ask(  # noqa: PLR0917 - called in two places
    deps: Deps, request: Request, key: PlaceKey, name: str, asked: Asked, conflict: ChangedMeanwhile | None = None
) -> HTMLResponse:
    """The page, or the dialog, that asks whether a step is to be taken."""
    visitor = visitor_of(request)
    visitor.must(Permission.MANAGE_ROLLOUT, key.plant)
    step = asked.step(name)
    snapshot = known(deps.registry, visitor)
    told: Outcome | None = None
    refusal: TransitionRejected | None = None
    try:
        told = outcome(snapshot, key, step, at=now())
    except TransitionRejected as rejected:
        if conflict is None:
            raise
        # What somebody else did meanwhile is the better word; the step makes no sense any more.
        refusal = rejected
    context: dict[str, Any] = {
        "part": is_part(request),
        "key": key,
        "name": name,
        "asked": asked,
        "told": told,
        "refusal": refusal,
        "question": None if told is None else question(visitor.words, step, told),
        "conflict": conflict,
    }
    return deps.screen.page(request, "rollouts/confirm.html", status=200 if conflict is None else 409, **context)


def _overview(deps: Deps, visitor: Visitor, *, every: bool) -> dict[str, Any]:
    snapshot = known(deps.registry, visitor)
    plants = by_plant(snapshot, lambda plant: visitor.may(Permission.MANAGE_ROLLOUT, plant))
    shown = tuple(plant for plant in plants if visitor.plant in (None, plant.plant) or plant.plant == WILDCARD)
    rows = version_rows(snapshot, None if visitor.plant is None else PlaceKey(visitor.plant))
    listed = rows if every else rows[:VERSIONS]
    return {
        "plants": shown,
        "versions": listed,
        "count": len(rows),
        "every": every,
        "unplaced": unplaced(snapshot, rows),
    }


def _one(deps: Deps, visitor: Visitor, key: PlaceKey) -> dict[str, Any]:
    visitor.must(Permission.READ_VERDICT, key.plant)
    snapshot = known(deps.registry, visitor)
    held = snapshot.assignment(key)
    history = _history(deps, key)
    if held is None and not history and not version_rows(snapshot, key):
        raise NotFound
    may_change = visitor.may(Permission.MANAGE_ROLLOUT, key.plant)
    shown: Entry | None = None if held is None else entry(snapshot, key, held, may_change=may_change)
    versions = version_rows(snapshot, key)
    return {
        "key": key,
        "entry": shown,
        "may_change": may_change,
        "holds": covering(snapshot.assignments, key),
        "versions": versions,
        "choices": [row.record.version for row in versions] if shown is None else choices(snapshot, shown),
        "history": history,
        "comparisons": _comparisons(deps, snapshot, key),
        **_AXIS,
    }


def _history(deps: Deps, key: PlaceKey) -> tuple[Change, ...]:
    return changes(deps.registry.history(CHANGES, key, tables=("assignments",)))


def _comparisons(deps: Deps, snapshot: Snapshot, key: PlaceKey) -> list[Comparison]:
    return [
        comparison(standing, evidence, measures, snapshot, stood_in=stood_in)
        for standing, evidence, measures, stood_in in deps.trials.look(snapshot, key.root)
    ]
