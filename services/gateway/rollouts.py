"""The HTTP interface to rollouts: which version judges where, changed by steps that say what they are based on.

A key has five fields, and each is a field of the path: `/v1/rollouts/munich/line-1/*/*/*`. So the address of a rollout
is its key as it is written everywhere, no slash needs escaping (which proxies and OpenAPI clients treat differently),
and no field can be taken for the name of a step.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from services.gateway import rollout_openapi
from services.gateway.guard import Guard, refuse_foreign_plant
from services.gateway.json_body import read_body
from services.gateway.preconditions import Precondition, entity_tag, not_modified, of_change
from services.gateway.problems import ProblemError
from services.gateway.rollout_bodies import Changed, History, HistoryEntry, Rollout, Rollouts, Version, Versions
from services.gateway.rollout_desk import RolloutDesk
from shared.auth import Permission, Principal
from shared.events import now
from shared.registry.client import Registry
from shared.registry.coupling import mismatches
from shared.registry.errors import UnknownVersion
from shared.registry.place_key import PlaceKey
from shared.registry.records import AuditEntry
from shared.registry.snapshot import HeldAssignment
from shared.registry.steps import Step
from shared.registry.visible import visible

_ONE: Final = "/rollouts/{plant}/{line}/{station}/{layout}/{camera}"
_ANY: Final = "`*` stands for any."
_log = structlog.get_logger(__name__)

Part = Annotated[str, Path(pattern=r"^(\*|[a-z0-9][a-z0-9._-]{0,62})$", description=_ANY)]
Camera = Annotated[Literal["stationary", "mobile", "*"], Path(description=_ANY)]


def _key(plant: Part, line: Part, station: Part, layout: Part, camera: Camera) -> PlaceKey:
    return PlaceKey(f"{plant}/{line}/{station}/{layout}/{camera}")


Key = Annotated[PlaceKey, Depends(_key)]


class HistoryQuery(BaseModel):
    """How much of a history."""

    model_config = ConfigDict(extra="forbid")

    count: int = Field(20, ge=1, le=1000, description="At most so many changes.")


def rollout_routes(guard: Guard, desk: RolloutDesk) -> APIRouter:
    """The routes, in a router that guards them all."""
    router = APIRouter(prefix="/v1", dependencies=[Security(guard)])
    Reader = Annotated[Principal, Security(guard, scopes=[Permission.READ_VERDICT])]  # noqa: N806 - a type

    @router.get("/rollouts", **rollout_openapi.LIST)
    async def rollouts(principal: Reader) -> Rollouts:
        """Every rollout that you may see: of your plants, and those of every plant if you may read at every plant."""
        snapshot = visible(await desk.ask(lambda registry: registry.snapshot()), principal)
        found = [(PlaceKey(text), held) for text, held in snapshot.assignments.items()]
        found.sort(key=lambda entry: (entry[0].specificity[0], str(entry[0])))
        return Rollouts(rollouts=[Rollout.of(key, held) for key, held in found])

    @router.get("/versions", **rollout_openapi.VERSIONS)
    async def versions(principal: Reader) -> Versions:
        """Every version that you may put to work, with its story and where it stands."""
        snapshot = visible(await desk.ask(lambda registry: registry.snapshot()), principal)
        newest_first = sorted(snapshot.versions.values(), key=lambda record: record.created, reverse=True)
        return Versions(versions=[Version.of(snapshot, record) for record in newest_first])

    @router.get(_ONE, response_model=Rollout, **rollout_openapi.ONE)
    async def rollout(request: Request, response: Response, key: Key, principal: Reader) -> Rollout | Response:
        """The entry of exactly this key."""
        refuse_foreign_plant(request, principal, Permission.READ_VERDICT, key.plant)
        held = await desk.ask(lambda registry: registry.assignment(key))
        if held is None:
            raise _unknown(key)
        tag = {"ETag": entity_tag(held.revision)}
        if not_modified(request, held.revision):
            return Response(status_code=304, headers=tag)
        response.headers.update(tag)
        return Rollout.of(key, held)

    @router.get(f"{_ONE}/history", **rollout_openapi.HISTORY)
    async def history(
        request: Request, key: Key, principal: Reader, query: Annotated[HistoryQuery, Query()]
    ) -> History:
        """The latest changes at this key and at those under it, also of entries that are no more."""
        refuse_foreign_plant(request, principal, Permission.READ_VERDICT, key.plant)

        def read(registry: Registry) -> list[AuditEntry]:
            return registry.history(query.count, key, tables=("assignments",))

        return History(entries=[HistoryEntry.of(entry) for entry in await desk.ask(read)])

    for name, (body, arguments) in rollout_openapi.STEPS.items():
        take = _step(guard, desk, name, body)
        router.add_api_route(f"{_ONE}/{name}", take, methods=["POST"], operation_id=f"{name}_rollout", **arguments)
    return router


def _step(guard: Guard, desk: RolloutDesk, action: str, body: type[Step]) -> Callable[..., Any]:
    async def take(
        request: Request,
        response: Response,
        key: Key,
        principal: Annotated[Principal, Security(guard, scopes=[Permission.MANAGE_ROLLOUT])],
    ) -> Changed:
        # Who may not, learns nothing else; and a body of a stranger is never read.
        refuse_foreign_plant(request, principal, Permission.MANAGE_ROLLOUT, key.plant)
        step = await read_body(request, body)
        based_on = of_change(request)
        changed = await desk.ask(lambda registry: _advance(registry, key, step, action, principal, based_on))
        response.headers["ETag"] = entity_tag(changed.rollout.revision)
        _log.info(
            "rollout changed",
            key=str(key),
            action=action,
            revision=changed.rollout.revision,
            subject=principal.subject,
        )
        return changed

    return take


def _advance(  # noqa: PLR0917 - called in one place
    registry: Registry, key: PlaceKey, step: Step, action: str, principal: Principal, based_on: Precondition
) -> Changed:
    snapshot = registry.snapshot()
    held = snapshot.assignment(key)
    found = None if held is None else held.revision
    based_on.check(found)
    named = step.names()
    if named is not None and named not in visible(snapshot, principal).versions:
        # The same words for a version of another plant: names must not be a way to learn what others have.
        raise UnknownVersion(f"version {named} is not registered")
    done = registry.advance(
        key, step.transition(now()), action=action, author=principal.subject, note=step.note, expected=found
    )
    after = HeldAssignment(revision=done.revision, record=done.after)
    changed = snapshot.model_copy(update={"assignments": {**snapshot.assignments, str(key): after}})
    return Changed(rollout=Rollout.of(key, after), warnings=mismatches(visible(changed, principal), key))


def _unknown(key: PlaceKey) -> ProblemError:
    return ProblemError(
        404,
        "rollout-unknown",
        "No rollout at this key",
        detail=f"There is no entry of exactly {key}; another one may hold for its places.",
        hint="GET /v1/rollouts lists them. POST to …/promote with If-None-Match: * begins one.",
    )
