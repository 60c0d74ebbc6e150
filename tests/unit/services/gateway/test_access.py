"""Every route of the gateway refuses whoever may not use it: walked through its OpenAPI document and its route table.

A new operation that has no request in `REQUESTS` (door.py) fails here.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import anyio.from_thread
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.app import create_app
from services.gateway.verdict_cache import VerdictCache
from shared.auth import ALL_PLANTS, ROLES, Role
from shared.auth.authenticator import NoAuthentication
from shared.settings import Settings
from tests.unit.services.gateway.door import ABROAD, HOME, REQUESTS, Door, refused
from tests.unit.services.gateway.test_app import ListPublisher, no_alerts, no_registry, problem
from tests.unit.shared.auth.provider import Provider


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of a gateway, as it is served."""
    app = create_app(
        Settings(),
        ListPublisher(),
        VerdictCache(1),
        NoAuthentication(),
        rollouts=no_registry(),
        alerts=no_alerts(),
        reachable=lambda: True,
        current=lambda: True,
    )
    return app.openapi()


def operations() -> list[tuple[str, str]]:
    """(method, path) of everything in the document."""
    return [(method, path) for path, methods in document()["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def module_door(
    module_portal: anyio.from_thread.BlockingPortal, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Door:
    """One gateway for the module: to make one takes longer than to ask it."""
    return Door(module_portal, provider, tmp_path_factory.mktemp("door"))


@pytest.fixture
def door(module_door: Door) -> Door:
    """The gateway without a key and with nothing published."""
    module_door.keys_file.write_text("")
    module_door.publisher.events.clear()
    return module_door


every_operation = pytest.mark.parametrize("operation", operations(), ids=" ".join)


def test_the_walk_goes_everywhere() -> None:
    """The document lists something, and each operation has a request here."""
    assert len(operations()) >= 2
    assert set(operations()) == REQUESTS.keys()


@every_operation
def test_the_document_says_who_may(operation: tuple[str, str]) -> None:
    """Each operation names its permission, its refusals, and the scheme, which is declared."""
    method, path = operation
    described = document()["paths"][path][method]
    assert described["security"] == [{"bearer": [REQUESTS[operation].permission]}]
    assert described["responses"].keys() >= {"401", "403", "503"}
    assert document()["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


@every_operation
def test_the_right_token_is_let_in(door: Door, operation: tuple[str, str]) -> None:
    """The positive control of every refusal below, by key and by JWT, for each role of the table."""
    asked = REQUESTS[operation]
    for role in (role for role in Role if asked.permission in ROLES[role]):
        assert door.ask(operation, door.key(role)).status_code == asked.good
        assert door.ask(operation, door.provider.token(roles=[role])).status_code == asked.good
    assert door.ask(operation, door.key(*Role, plants=(ALL_PLANTS,))).status_code == asked.good


@every_operation
def test_without_a_token_it_is_401(door: Door, operation: tuple[str, str]) -> None:
    """And the challenge names no error, as RFC 6750, 3.1 asks."""
    response = door.ask(operation, None)
    refused(door, response, 401, "unauthenticated")
    assert "error" not in response.headers["www-authenticate"]


GARBAGE = (
    "Bearer",
    "Bearer ",
    "Basic dXNlcjpwYXNz",
    "bearer x",
    "Bearer a.b.c",
    "Bearer lg_00000000_" + "0" * 64,
    "lg_1",
    "Bearer ü",
)


@every_operation
def test_garbage_is_401(door: Door, operation: tuple[str, str]) -> None:
    """Whatever stands in the header and is no token of ours."""
    asked = REQUESTS[operation]
    for header in GARBAGE:
        arguments = asked.arguments(HOME)
        arguments["headers"] = arguments.get("headers", {}) | {"Authorization": header.encode()}
        refused(door, door.request(asked.method, asked.path(HOME), **arguments), 401, "unauthenticated")


@every_operation
def test_a_token_elsewhere_than_in_the_header_is_none(door: Door, operation: tuple[str, str]) -> None:
    """Not in the query, where logs would show it, not in a cookie, and not in one of two headers."""
    asked, token = REQUESTS[operation], door.key(*Role)
    arguments = asked.arguments(HOME)
    headers = arguments.pop("headers", {})
    query = arguments.pop("params", {}) | {"access_token": token}
    for more in (
        {"params": query, "headers": headers},
        {"params": query, "headers": headers | {"Cookie": f"Authorization=Bearer {token}; access_token={token}"}},
        {"params": query, "headers": headers | {"X-Authorization": f"Bearer {token}", "X-Api-Key": token}},
    ):
        refused(door, door.request(asked.method, asked.path(HOME), **arguments, **more), 401, "unauthenticated")
    twice = [*headers.items(), ("Authorization", f"Bearer {token}"), ("Authorization", "Bearer x")]
    with_both = httpx.Headers(twice)

    async def send() -> httpx.Response:
        return await door._http.request(asked.method, asked.path(HOME), headers=with_both, **arguments)

    refused(door, door._portal.call(send), 401, "unauthenticated")


@every_operation
def test_an_expired_token_is_401(door: Door, operation: tuple[str, str]) -> None:
    """JWT or key."""
    earlier = datetime.now(UTC) - timedelta(minutes=5)
    for token in (door.provider.token(exp=earlier), door.key(*Role, expires=earlier)):
        response = door.ask(operation, token)
        refused(door, response, 401, "unauthenticated")
        assert "has expired" in response.json()["detail"]
        assert 'error="invalid_token"' in response.headers["www-authenticate"]


@every_operation
def test_a_wrong_role_is_403(door: Door, operation: tuple[str, str]) -> None:
    """Each role that lacks the permission, all of them together, and no role at all; at every plant."""
    permission = REQUESTS[operation].permission
    without = [role for role in Role if permission not in ROLES[role]]
    assert without
    for roles in (*([role] for role in without), without):
        refused(door, door.ask(operation, door.key(*roles, plants=(ALL_PLANTS,))), 403, "forbidden")
        refused(door, door.ask(operation, door.provider.token(roles=roles, plants="*")), 403, "forbidden")
    response = door.ask(operation, door.provider.token(roles=None))
    refused(door, response, 403, "forbidden")
    assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


@every_operation
def test_a_wrong_plant_is_refused(door: Door, operation: tuple[str, str]) -> None:
    """Every role, but of another plant, of none, or of one with a similar name."""
    asked = REQUESTS[operation]
    tokens = [
        door.key(*Role, plants=(ABROAD,)),
        door.key(*Role, plants=(f"{HOME}-2", HOME[:-1])),
        *(
            door.provider.token(roles=list(Role), plants=plants)
            for plants in ([ABROAD], None, [], [""], ["**"], HOME[:3])
        ),
    ]
    for token in tokens:
        assert door.ask(operation, token).status_code == asked.abroad
        assert door.publisher.events == []
    assert door.ask(operation, tokens[0], ABROAD).status_code == asked.good


@every_operation
def test_a_revoked_key_is_401_at_once(door: Door, operation: tuple[str, str]) -> None:
    """Between two requests, without a restart."""
    token = door.key(*Role)
    assert door.ask(operation, token).status_code == REQUESTS[operation].good
    door.publisher.events.clear()
    door.keys_file.write_text("")
    refused(door, door.ask(operation, token), 401, "unauthenticated")


@every_operation
def test_a_provider_that_is_away_lets_nobody_in(
    module_portal: anyio.from_thread.BlockingPortal, tmp_path: Path, operation: tuple[str, str]
) -> None:
    """503 with Retry-After, for a token that would be good; keys work on."""
    with Provider() as provider:
        door, token = Door(module_portal, provider, tmp_path), provider.token(roles=list(Role))
        provider.status = 500
    response = door.ask(operation, token)
    problem(response, 503, "identity-provider-away")
    assert int(response.headers["retry-after"]) > 0
    assert door.publisher.events == []
    assert door.ask(operation, door.key(*Role)).status_code == REQUESTS[operation].good


@every_operation
def test_who_is_not_let_in_learns_nothing_else(door: Door, operation: tuple[str, str]) -> None:
    """A wrong request of a stranger is 401, not 422: the guard comes before everything."""
    response = door.ask(operation, None, params={"wait": "soon", "plnat": "x"})
    refused(door, response, 401, "unauthenticated")


def test_no_route_is_beside_the_document(door: Door) -> None:
    """Whatever the application routes is in the document, or refuses strangers all the same."""
    paths = {path for _, path in operations()}
    beside = [route.path for route in flat(door.app.routes) if route.path.replace(":path", "") not in paths]
    assert beside == ["/openapi.json"]
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        assert door.request(method, "/openapi.json").status_code in (401, 405)
    refused(door, door.request("GET", "/openapi.json"), 401, "unauthenticated")
    assert door.request("GET", "/openapi.json", door.key("camera")).json()["paths"].keys() == paths


def flat(routes: Any) -> Iterator[Any]:
    """Every route with a path of its own, also those inside included routers."""
    for route in routes:
        inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        if inner:
            yield from flat(inner)
        else:
            yield route


@given(
    roles=st.frozensets(st.sampled_from(list(Role)), min_size=1),
    plants=st.frozensets(st.sampled_from([HOME, ABROAD, ALL_PLANTS]), min_size=1),
    operation=st.sampled_from(operations()),
    at=st.sampled_from([HOME, ABROAD]),
)
def test_no_combination_gives_more_than_the_table(
    *,
    module_door: Door,
    roles: frozenset[Role],
    plants: frozenset[str],
    operation: tuple[str, str],
    at: str,
) -> None:
    """Any roles at any plants: the answer is good exactly where the table and the plants say so."""
    asked = REQUESTS[operation]
    has = any(asked.permission in ROLES[role] for role in roles)
    there = bool(plants & {at, ALL_PLANTS})
    response = module_door.ask(operation, module_door.key(*roles, plants=tuple(plants)), at)
    assert response.status_code == (asked.good if has and there else asked.abroad if has else 403)
