"""Every route of the gateway refuses whoever may not use it: walked through its OpenAPI document and its route table.

Tokens are real: static keys by a file, JWTs by an identity provider on a local port. A new operation that has no
request in `REQUESTS` fails here.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio.from_thread
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.answers import DeadPhoto
from services.gateway.app import create_app
from services.gateway.verdict_cache import Judged, VerdictCache
from shared.auth import ALL_PLANTS, ROLES, Permission, Role, make_authenticator
from shared.auth.authenticator import NoAuthentication
from shared.auth.key_file import KeyRecord, as_toml, new_token, token_sha256
from shared.settings import AuthSettings, Settings
from tests.unit.services.gateway.test_app import ADDRESS, JPEG, ListPublisher, picture, problem, verdict
from tests.unit.shared.auth.provider import AUDIENCE, ISSUER, Provider

HOME, ABROAD = "munich", "puebla"


@dataclass(frozen=True, slots=True)
class Asked:
    """A good request to one operation, what it needs, and what the gateway says to it."""

    method: str
    path: Callable[[str], str]
    """Given a plant."""
    arguments: Callable[[str], dict[str, Any]]
    """Likewise."""
    permission: Permission
    good: int
    abroad: int
    """Status for a caller of another plant."""


REQUESTS = {
    ("post", "/v1/images"): Asked(
        "POST",
        lambda _: "/v1/images",
        lambda plant: {"params": ADDRESS | {"plant": plant}, "content": picture(), "headers": JPEG},
        Permission.SUBMIT_PHOTO,
        good=202,
        abroad=403,
    ),
    ("get", "/v1/verdicts/{image_id}"): Asked(
        "GET",
        lambda plant: f"/v1/verdicts/judged-at-{plant}",
        lambda _: {},
        Permission.READ_VERDICT,
        good=200,
        abroad=404,
    ),
}


class Door:
    """A gateway that asks who comes, with a client that can come as anybody."""

    def __init__(self, portal: anyio.from_thread.BlockingPortal, provider: Provider, folder: Path) -> None:
        self.provider = provider
        self.keys_file = folder / "keys.toml"
        self.keys_file.write_text("")
        self.publisher = ListPublisher()
        self.verdicts = VerdictCache(100)
        for plant in (HOME, ABROAD):
            image = f"judged-at-{plant}"
            self.verdicts.put(image, Judged.of(verdict(image).model_copy(update={"plant": plant})))
        settings = AuthSettings(keys_file=self.keys_file, issuer=ISSUER, audience=AUDIENCE, jwks=provider.url)
        self.app = create_app(
            Settings(auth=settings),
            self.publisher,
            self.verdicts,
            make_authenticator(settings),
            reachable=lambda: True,
            current=lambda: True,
            acknowledge_s=0.2,
        )
        self._portal = portal
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://gateway")

    def key(self, *roles: str, plants: tuple[str, ...] = (HOME,), expires: datetime | None = None) -> str:
        """A new static key, in force."""
        identity, token = new_token()
        record = KeyRecord.model_validate(
            {"id": identity, "sha256": token_sha256(token), "roles": roles, "plants": plants, "expires": expires}
        )
        with self.keys_file.open("a") as file:
            file.write(as_toml(record))
        return token

    def request(self, method: str, path: str, token: str | None = None, **arguments: Any) -> httpx.Response:
        """Send one request and read its answer, in which no token may stand."""
        headers = dict(arguments.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"

        async def send() -> httpx.Response:
            return await self._http.request(method, path, headers=headers, **arguments)

        with capture_logs() as logs:
            response = self._portal.call(send)
        if token:
            told = response.text + str(response.headers) + repr(logs)
            assert all(part not in told for part in {token, *token.split("."), token[12:]} if len(part) > 5)
        return response

    def ask(self, operation: tuple[str, str], token: str | None, plant: str = HOME, **more: Any) -> httpx.Response:
        """A good request to an operation."""
        asked = REQUESTS[operation]
        return self.request(asked.method, asked.path(plant), token, **(asked.arguments(plant) | more))


@pytest.fixture(scope="module")
def portal() -> Iterator[anyio.from_thread.BlockingPortal]:
    """An event loop in a thread."""
    with anyio.from_thread.start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """An identity provider for the module."""
    with Provider() as running:
        yield running


@pytest.fixture
def door(portal: anyio.from_thread.BlockingPortal, provider: Provider, tmp_path: Path) -> Door:
    """A gateway with one verdict at each of two plants."""
    return Door(portal, provider, tmp_path)


def document() -> dict[str, Any]:
    """The OpenAPI document of a gateway, as it is served."""
    app = create_app(
        Settings(),
        ListPublisher(),
        VerdictCache(1),
        NoAuthentication(),
        reachable=lambda: True,
        current=lambda: True,
    )
    return app.openapi()


def operations() -> list[tuple[str, str]]:
    """(method, path) of everything in the document."""
    return [(method, path) for path, methods in document()["paths"].items() for method in methods]


every_operation = pytest.mark.parametrize("operation", operations(), ids=" ".join)


def refused(door: Door, response: httpx.Response, status: int, kind: str) -> None:
    """The answer is this problem with its challenge, and nothing was published."""
    problem(response, status, kind)
    assert response.headers["www-authenticate"].startswith('Bearer realm="linegate"')
    assert door.publisher.events == []


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


@every_operation
@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "bearer x",
        "Bearer a.b.c",
        "Bearer lg_00000000_" + "0" * 64,
        "lg_1",
        "Bearer ü",
    ],
)
def test_garbage_is_401(door: Door, operation: tuple[str, str], header: str) -> None:
    """Whatever stands in the header and is no token of ours."""
    asked = REQUESTS[operation]
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
    portal: anyio.from_thread.BlockingPortal, tmp_path: Path, operation: tuple[str, str]
) -> None:
    """503 with Retry-After, for a token that would be good; keys work on."""
    with Provider() as provider:
        door, token = Door(portal, provider, tmp_path), provider.token(roles=list(Role))
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


def test_a_stranger_s_photo_is_not_read(door: Door) -> None:
    """Without a token, without the role, or for a foreign plant in the query, not one byte of the body is asked for."""

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            assert sent < 1000
            yield b"\xff" * 65536

    for token, status in ((None, 401), (door.key("operator"), 403), (door.key("camera", plants=(ABROAD,)), 403)):
        sent = 0
        response = door.request("POST", "/v1/images", token, params=ADDRESS, content=endless(), headers=JPEG)
        assert (response.status_code, response.headers["connection"], sent) == (status, "close", 0)
    sent = 0
    assert (
        door.request(
            "POST", "/v1/images", door.key("camera"), params=ADDRESS, content=endless(), headers=JPEG
        ).status_code
        == 413
    )  # the control: a camera's photo is read, up to the limit
    assert 0 < sent < 1000


def test_an_endless_form_is_cut_off(door: Door) -> None:
    """The cap holds for a form as well, and is noticed while it comes."""

    async def form() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="p"\r\nContent-Type: image/jpeg\r\n\r\n'
        while True:
            sent += 65536
            yield b"\xff" * 65536

    sent = 0
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = door.request("POST", "/v1/images", door.key("camera"), content=form(), headers=headers)
    problem(response, 413, "photo-too-large")
    assert sent < 20 * 1024 * 1024


def test_a_foreign_plant_inside_a_form_is_refused_before_publishing(door: Door) -> None:
    """Where the plant is known only from the body."""
    files = {"file": ("photo.jpg", picture(), "image/jpeg")}
    token = door.key("camera", plants=(ABROAD,))
    response = door.request("POST", "/v1/images", token, data=ADDRESS, files=files)
    refused(door, response, 403, "forbidden")
    home = door.request("POST", "/v1/images", door.key("camera"), data=ADDRESS, files=files)
    assert home.status_code == 202


def test_one_of_two_plants_in_the_query_does_not_hide_the_other(door: Door) -> None:
    """Whichever comes first."""
    for plants in ((HOME, ABROAD), (ABROAD, HOME)):
        twice = [("part", "1"), ("line", "l"), *(("plant", plant) for plant in plants)]
        response = door.request("POST", "/v1/images", door.key("camera"), params=twice, content=picture(), headers=JPEG)
        refused(door, response, 403, "forbidden")


def read(door: Door, image: str, token: str, **params: str) -> dict[str, Any]:
    """What a reader is told of an image without a verdict."""
    response = door.request("GET", f"/v1/verdicts/{image}", token, params=params)
    return {"status": response.status_code, "headers": dict(response.headers), "body": response.json()}


def test_another_plant_s_photo_is_as_if_it_did_not_exist(door: Door) -> None:
    """Before it, while it is pending, judged or set aside, a foreign reader is told the very same."""
    foreign, own = door.key("operator", plants=(ABROAD,)), door.key("operator")
    told = [read(door, "a", foreign)]
    assert door.ask(("post", "/v1/images"), door.key("camera"), params=ADDRESS | {"id": "a"}).status_code == 202
    assert read(door, "a", own)["body"]["type"].endswith("verdict-pending")
    told.append(read(door, "a", foreign))
    door.verdicts.put("a", DeadPhoto("a", "damaged", "linegate.images.dlq", HOME))
    assert read(door, "a", own)["body"]["type"].endswith("photo-set-aside")
    told.append(read(door, "a", foreign))
    door.verdicts.put("a", Judged.of(verdict("a")))
    assert read(door, "a", own)["body"]["image"] == "a"
    told.append(read(door, "a", foreign))
    assert told[0]["body"]["type"].endswith("verdict-unknown")
    assert told == [told[0]] * 4


def test_the_wait_tells_nothing(door: Door) -> None:
    """A foreign verdict that comes while a reader waits does not end the wait; the reader's own does."""
    token = door.key("operator")

    async def ask() -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await door._http.get("/v1/verdicts/a", params={"wait": "30"}, headers=headers)

    waiting = door._portal.start_task_soon(ask)
    while "a" not in door.verdicts._waiters:  # bounded by pytest's own time limit
        door._portal.call(anyio.lowlevel.checkpoint)
    door.verdicts.put("a", Judged.of(verdict("a").model_copy(update={"plant": ABROAD})))
    door.request("GET", "/v1/verdicts/b", token)  # the loop has gone round since
    assert not waiting.done()
    door.verdicts.put("a", Judged.of(verdict("a")))
    assert waiting.result().json()["plant"] == HOME


def test_ids_of_another_plant_cannot_be_found_out_or_used_up(door: Door) -> None:
    """The same id at two plants: each camera is answered as if it were alone, and each reader gets their own."""
    submit, params = ("post", "/v1/images"), ADDRESS | {"id": "a"}
    home, abroad = door.key("camera"), door.key("camera", plants=(ABROAD,))
    first = door.ask(submit, abroad, params=params | {"plant": ABROAD, "part": "theirs"})
    second = door.ask(submit, home, params=params)
    assert (first.status_code, second.status_code) == (202, 202)
    assert [event.plant for event in door.publisher.events] == [ABROAD, HOME]
    door.verdicts.put("b", Judged.of(verdict("b", part="theirs").model_copy(update={"plant": ABROAD})))
    assert door.ask(submit, home, params=params | {"id": "b"}).status_code == 202
    assert len(door.publisher.events) == 3
    # Who may send for both is told of the mix-up, as ever.
    both = door.key("camera", plants=(HOME, ABROAD))
    for image in ("a", "b"):
        problem(door.ask(submit, both, params=params | {"id": image, "plant": "berlin"}), 403, "forbidden")
        everywhere = door.key("camera", plants=(ALL_PLANTS,))
        response = door.ask(submit, everywhere, params=params | {"id": image, "plant": "berlin"})
        problem(response, 422, "id-reused")


def test_a_dead_letter_of_no_plant_is_for_readers_of_all(door: Door) -> None:
    """It may be anybody's photo."""
    door.verdicts.put("a", DeadPhoto("a", "it names no plant", "linegate.images.dlq", None))
    assert read(door, "a", door.key("operator"))["status"] == 404
    assert read(door, "a", door.key("operator", plants=(ALL_PLANTS,)))["status"] == 422


@given(
    roles=st.frozensets(st.sampled_from(list(Role)), min_size=1),
    plants=st.frozensets(st.sampled_from([HOME, ABROAD, ALL_PLANTS]), min_size=1),
    operation=st.sampled_from(operations()),
    at=st.sampled_from([HOME, ABROAD]),
)
def test_no_combination_gives_more_than_the_table(
    *,
    portal: anyio.from_thread.BlockingPortal,
    provider: Provider,
    tmp_path_factory: pytest.TempPathFactory,
    roles: frozenset[Role],
    plants: frozenset[str],
    operation: tuple[str, str],
    at: str,
) -> None:
    """Any roles at any plants: the answer is good exactly where the table and the plants say so."""
    door = Door(portal, provider, tmp_path_factory.mktemp("door"))
    asked = REQUESTS[operation]
    has = any(asked.permission in ROLES[role] for role in roles)
    there = bool(plants & {at, ALL_PLANTS})
    response = door.ask(operation, door.key(*roles, plants=tuple(plants)), at)
    assert response.status_code == (asked.good if has and there else asked.abroad if has else 403)


def test_refusals_are_logged_without_what_was_sent(door: Door) -> None:
    """Who, what and why, but neither headers nor query."""
    token = door.key("operator")

    async def send(path: str, header: str) -> None:
        await door._http.post(path, headers={"Authorization": header})

    with capture_logs() as logs:
        door._portal.call(send, "/v1/images?plant=munich&access_token=verysecret", f"Bearer {token}")
        door._portal.call(send, "/v1/images?access_token=verysecret", "Bearer notatoken")
    logs = [line for line in logs if line["log_level"] == "warning"]
    assert [line["event"] for line in logs] == ["not permitted", "not let in"]
    assert logs[0]["subject"] == f"key:{token[3:11]}"
    assert all(line["path"] == "/v1/images" for line in logs)
    told = json.dumps(logs)
    assert not any(secret in told for secret in ("verysecret", "notatoken", token[12:]))
