"""Rollouts over HTTP on a real Redis: every step, who may take it, on what it is based, and what others see of it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio.from_thread
import httpx
import pytest
import redis

from deploy.local.redis import RedisServer
from services.gateway.redis_pool import WAITING
from services.gateway.rollout_desk import RolloutDesk
from shared.crop_recipe import CropRecipe
from shared.registry.client import Registry
from shared.registry.errors import RegistryUnavailable
from shared.registry.place_key import PlaceKey
from shared.registry.records import StationConfig, VersionRecord
from shared.settings import RedisSettings
from tests.unit.services.gateway.door import Door
from tests.unit.services.gateway.test_app import problem
from tests.unit.shared.auth.provider import Provider

pytestmark = pytest.mark.redis
DATABASE = 10
MUNICH, PARIS, ALL = "munich/line-1/*/*/*", "paris/*/*/*/*", "*/*/*/*/*"
BEGIN = {"If-None-Match": "*"}


@pytest.fixture(scope="module")
def portal() -> Iterator[anyio.from_thread.BlockingPortal]:
    """An event loop in a thread."""
    with anyio.from_thread.start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """An identity provider."""
    with Provider() as running:
        yield running


@pytest.fixture
def registry(redis_url: str) -> Iterator[Registry]:
    """A registry with versions made for munich, for paris and for nowhere in particular."""
    url = urlsplit(redis_url)._replace(path=f"/{DATABASE}").geturl()
    with redis.Redis.from_url(url) as client, Registry(RedisSettings.model_validate({"url": url})) as registry:
        client.flushdb()
        for version, place in (("m1", "munich"), ("m2", "munich/line-1"), ("p1", "paris"), ("any", None)):
            registry.register(
                VersionRecord(
                    version=version,
                    digest="a" * 64,
                    kind="padim",
                    place=None if place is None else PlaceKey.parse(place),
                )
            )
        yield registry
        client.flushdb()


@pytest.fixture
def door(
    portal: anyio.from_thread.BlockingPortal, provider: Provider, tmp_path: Path, registry: Registry
) -> Iterator[Door]:
    """A gateway on that registry."""
    with RolloutDesk(registry) as desk:
        yield Door(portal, provider, tmp_path, desk)


Take = Callable[..., httpx.Response]


@pytest.fixture
def take(door: Door) -> Take:
    """Take a step as somebody, based on the present state unless told otherwise."""

    def take(token: str, key: str, step: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        if headers is None:
            seen = door.request("GET", f"/v1/rollouts/{key}", token)
            headers = {"If-Match": seen.headers["etag"]} if seen.status_code == 200 else BEGIN
        return door.request("POST", f"/v1/rollouts/{key}/{step}", token, headers=headers, json=body)

    return take


def test_from_nothing_to_a_champion_and_back(door: Door, take: Take, registry: Registry) -> None:
    """Each step with the tag of the one before; the audit names the caller."""
    token, path = door.key("engineer"), f"/v1/rollouts/{MUNICH}"
    problem(door.request("GET", path, token), 404, "rollout-unknown")
    answer = take(token, MUNICH, "promote", BEGIN, version="m1", note="to begin with")
    assert answer.status_code == 200, answer.text
    steps: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("shadow", {"version": "m2"}, {"shadow": "m2"}),
        ("canary", {"version": "m2", "percent": 20}, {"shadow": None}),
        ("canary", {"version": "m2", "percent": 50}, {}),
        ("pause", {"note": "odd"}, {}),
        ("resume", {}, {}),
        ("guard", {"action": "pause", "max_psi": None}, {}),
        ("promote", {}, {"champion": "m2", "former": "m1", "canary": None}),
        ("rollback", {}, {"champion": "m1", "former": None, "retired": ["m2"]}),
    ]
    for step, body, told in steps:
        tag = answer.headers["etag"]
        answer = take(token, MUNICH, step, {"If-Match": tag}, **body)
        assert answer.status_code == 200, answer.text
        rollout = answer.json()["rollout"]
        assert answer.headers["etag"] == f'"{rollout["revision"]}"' != tag
        assert {name: rollout[name] for name in told} == told
    read = door.request("GET", path, token)
    assert read.json() == rollout
    assert read.headers["etag"] == answer.headers["etag"]
    assert (rollout["guard"]["action"], rollout["guard"]["max_psi"], rollout["guard"]["max_ks"]) == (
        "pause",
        None,
        0.35,
    )
    assert door.request("GET", path, token, headers={"If-None-Match": f"W/{read.headers['etag']}"}).status_code == 304
    history = door.request("GET", f"{path}/history", token, params={"count": 100}).json()["entries"]
    assert [entry["action"] for entry in history] == [*[step for step, _, _ in steps][::-1], "promote"]
    assert {entry["author"] for entry in history} == {f"key:{token[3:11]}"}
    assert history[-1]["before"] is None
    assert history[-1]["note"] == "to begin with"
    assert history[0]["after"]["champion"] == "m1"
    held = registry.assignment(PlaceKey.parse(MUNICH))
    assert held is not None
    assert held.record.author == f"key:{token[3:11]}"


def test_a_change_says_what_it_is_based_on(door: Door, take: Take, registry: Registry) -> None:
    """Else 428; 412 where it is not so; and what is not understood is neither."""
    token = door.key("engineer")
    tag = take(token, MUNICH, "promote", version="m1").headers["etag"]
    before = registry.snapshot()
    cases: list[tuple[dict[str, str], int, str]] = [
        ({}, 428, "precondition-required"),
        (BEGIN, 412, "revision-conflict"),
        ({"If-Match": '"999"'}, 412, "revision-conflict"),
        ({"If-Match": f"W/{tag}"}, 412, "revision-conflict"),
        ({"If-Match": tag, "If-None-Match": "*"}, 412, "revision-conflict"),
        ({"If-Match": tag.strip('"')}, 400, "invalid-precondition"),
        ({"If-Match": ""}, 400, "invalid-precondition"),
        ({"If-Match": f"{tag} {tag[:-1]}"}, 400, "invalid-precondition"),
        ({"If-None-Match": tag}, 400, "invalid-precondition"),
    ]
    for headers, status, kind in cases:
        answer = take(token, MUNICH, "shadow", headers, version="m2")
        problem(answer, status, kind)
        assert status != 412 or answer.headers["etag"] == tag
    problem(take(token, "munich/line-2/*/*/*", "promote", {"If-Match": "*"}, version="m1"), 412, "revision-conflict")
    after = registry.snapshot()
    assert (after.revision, after.assignments) == (before.revision, before.assignments)
    assert take(token, MUNICH, "shadow", {"If-Match": f'"999", {tag}'}, version="m2").status_code == 200
    assert take(token, MUNICH, "rollback", {"If-Match": "*"}, what="shadow").status_code == 200


def test_of_two_who_saw_the_same_one_is_first(door: Door, take: Take) -> None:
    """Many at once on one revision: exactly one step is taken, the others are told."""
    token = door.key("engineer")
    tag = take(token, MUNICH, "promote", version="m1").headers["etag"]
    statuses: list[int] = []

    def work() -> None:
        statuses.append(take(token, MUNICH, "canary", {"If-Match": tag}, version="m2", percent=5).status_code)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, *[412] * 5]


def test_wrong_requests_change_nothing(door: Door, take: Take, registry: Registry) -> None:
    """A step that does not follow, a version that is not there, a field that is wrong, a body that is too large."""
    token = door.key("engineer")
    take(token, MUNICH, "promote", version="m1")
    before = registry.snapshot().revision
    cases: list[tuple[str, dict[str, Any], int, str]] = [
        ("promote", {"version": "m2"}, 409, "step-rejected"),
        ("pause", {}, 409, "step-rejected"),
        ("shadow", {"version": "m9"}, 422, "version-unknown"),
        ("shadow", {"version": "M 9"}, 422, "invalid-request"),
        ("shadow", {}, 422, "invalid-request"),
        ("canary", {"version": "m2", "percent": 101}, 422, "invalid-request"),
        ("canary", {"version": "m2", "percent": 5, "prozent": 5}, 422, "invalid-request"),
        ("rollback", {"what": "everything"}, 422, "invalid-request"),
        ("pause", {"note": "two\nlines"}, 422, "invalid-request"),
        ("guard", {}, 422, "invalid-request"),
        ("guard", {"note": "nothing"}, 422, "invalid-request"),
        ("guard", {"max_psi": -1}, 422, "invalid-request"),
        ("guard", {"min_parts": None}, 422, "invalid-request"),
    ]
    for step, body, status, kind in cases:
        problem(take(token, MUNICH, step, **body), status, kind)
    for content, status, kind in ((b"{", 422, "invalid-request"), (b'"' * 20_000, 413, "body-too-large")):
        answer = door.request("POST", f"/v1/rollouts/{MUNICH}/pause", token, headers={"If-Match": "*"}, content=content)
        problem(answer, status, kind)
    for key in ("munich", "munich/line-1", "Munich/l/s/us/mobile", "munich/l/s/us/film", "munich/line-1/*/*/*/*"):
        assert door.request("GET", f"/v1/rollouts/{key}", token).status_code in (404, 422)
    problem(door.request("GET", f"/v1/rollouts/{MUNICH}/history", token, params={"count": 0}), 422, "invalid-request")
    assert registry.snapshot().revision == before


def test_a_step_without_a_body(door: Door, take: Take) -> None:
    """Where nothing is needed, nothing need be sent."""
    token = door.key("engineer")
    take(token, MUNICH, "promote", version="m1")
    take(token, MUNICH, "canary", version="m2", percent=1)
    answer = door.request("POST", f"/v1/rollouts/{MUNICH}/pause", token, headers={"If-Match": "*"})
    assert answer.json()["rollout"]["canary"]["paused"]


def test_each_plant_sees_its_own(door: Door, take: Take, registry: Registry) -> None:
    """Rollouts, history and versions of another plant are not shown, and its versions are not there for a step."""
    everywhere, munich, paris = (door.key("engineer", plants=(plant,)) for plant in ("*", "munich", "paris"))
    registry.set_station(PlaceKey.parse("paris/line-9"), StationConfig(policy="full_frame"), expected=None, author="a")
    assert take(everywhere, ALL, "promote", version="any").status_code == 200
    assert take(everywhere, PARIS, "promote", version="p1").status_code == 200
    assert take(munich, MUNICH, "promote", version="m1").status_code == 200

    def listed(token: str) -> list[str]:
        return [rollout["key"] for rollout in door.request("GET", "/v1/rollouts", token).json()["rollouts"]]

    def versions(token: str) -> dict[str, list[str]]:
        told = door.request("GET", "/v1/versions", token).json()["versions"]
        return {made["version"]: [f"{at['stage']} {at['key']}" for at in made["stages"]] for made in told}

    assert listed(everywhere) == [ALL, PARIS, MUNICH]
    assert listed(munich) == [MUNICH]
    assert listed(door.key("operator", plants=("paris",))) == [PARIS]
    assert versions(everywhere).keys() == {"m1", "m2", "p1", "any"}
    assert versions(munich) == {
        "m1": ["candidate munich/*/*/*/*", f"champion {MUNICH}"],
        "m2": [f"candidate {MUNICH}"],
        "any": [],
    }
    for path in (
        f"/v1/rollouts/{PARIS}",
        f"/v1/rollouts/{ALL}",
        f"/v1/rollouts/{PARIS}/history",
        f"/v1/rollouts/{ALL}/history",
    ):
        problem(door.request("GET", path, munich), 403, "forbidden")
    foreign = take(munich, MUNICH, "shadow", version="p1")
    unknown = take(munich, MUNICH, "shadow", version="p9")
    problem(foreign, 422, "version-unknown")
    assert foreign.text.replace("p1", "p9") == unknown.text
    for key in (PARIS, ALL, "munich-2/*/*/*/*"):
        problem(take(munich, key, "rollback", {"If-Match": "*"}), 403, "forbidden")
    problem(take(paris, MUNICH, "rollback", {"If-Match": "*"}), 403, "forbidden")
    history = door.request("GET", f"/v1/rollouts/{ALL}/history", everywhere).json()["entries"]
    assert {entry["key"] for entry in history} == {ALL, PARIS, MUNICH}
    # Once it judges there, it is no secret any more.
    assert take(everywhere, MUNICH, "shadow", version="p1").status_code == 200
    assert versions(munich)["p1"] == [f"shadow {MUNICH}"]


def test_warnings_name_no_foreign_station(door: Door, take: Take, registry: Registry) -> None:
    """A version for other crops is warned of, by the stations of the caller's plants and of all."""
    made = VersionRecord(version="full", digest="b" * 64, kind="padim", crop=CropRecipe(policy="full_frame"))
    registry.register(made)
    registry.set_station(PlaceKey.parse("paris"), StationConfig(presence=0.7), expected=None, author="ada")
    everywhere = door.key("engineer", plants=("*",))
    take(everywhere, ALL, "promote", version="full")
    (warning,) = take(door.key("engineer"), MUNICH, "promote", version="full").json()["warnings"]
    assert "full, assigned at munich/line-1/*/*/*, was made for other crops than station (default)" in warning
    registry.set_station(PlaceKey.parse("*"), StationConfig(policy="full_frame"), expected=None, author="ada")
    assert take(door.key("engineer"), MUNICH, "guard", min_parts=60).json()["warnings"] == []


def test_versions_are_told_with_their_story_but_not_the_scores(door: Door, registry: Registry) -> None:
    """Held-out scores are many and for machines."""
    calibration = {"rule": "mean_sd", "threshold": 3, "good_parts": 2, "damaged_parts": 0, "good_scores": [1.0, 2.0]}
    made = {"version": "m3", "digest": "c" * 64, "kind": "padim", "calibration": calibration, "metrics": {"auroc": 0.9}}
    registry.register(VersionRecord.model_validate(made))
    told = door.request("GET", "/v1/versions", door.key("operator")).json()["versions"][0]
    assert (told["version"], told["metrics"], told["calibration"]["threshold"]) == ("m3", {"auroc": 0.9}, 3)
    assert told["calibration"]["good_scores"] == []


def test_redis_away_and_back(portal: anyio.from_thread.BlockingPortal, provider: Provider, tmp_path: Path) -> None:
    """503 with Retry-After, nothing of the server in the answer, photos go on; and all is well when it is back."""
    with RedisServer(tmp_path / "redis") as server:
        settings = RedisSettings.model_validate({"url": server.url, "timeout_s": 1.0})
        with Registry(settings) as registry, RolloutDesk(registry) as desk:
            door = Door(portal, provider, tmp_path, desk)
            token = door.key("engineer", "camera")
            assert door.request("GET", "/v1/rollouts", token).json() == {"rollouts": []}
            server.kill()
            for method, path in (
                ("GET", "/v1/rollouts"),
                ("GET", f"/v1/rollouts/{MUNICH}"),
                ("POST", f"/v1/rollouts/{MUNICH}/pause"),
            ):
                answer = door.request(method, path, token, headers={"If-Match": "*"} if method == "POST" else {})
                problem(answer, 503, "registry-away")
                assert int(answer.headers["retry-after"]) > 0
                assert str(server.port) not in answer.text
            assert door.ask(("post", "/v1/images"), token).status_code == 202
            server.start()
            assert door.request("GET", "/v1/rollouts", token).status_code == 200


def test_a_registry_that_hangs_holds_up_so_many_and_no_photo(
    portal: anyio.from_thread.BlockingPortal, provider: Provider, tmp_path: Path
) -> None:
    """The next one is told to come again; its threads are its own."""
    held = threading.Event()

    class Hanging(Registry):
        """Does not answer until it may."""

        def snapshot(self) -> Any:
            """Wait."""
            held.wait(60)
            raise RegistryUnavailable("it does not answer")

    settings = RedisSettings.model_validate({"url": "redis://127.0.0.1:9/0"})
    with Hanging(settings) as registry, RolloutDesk(registry) as desk:
        door = Door(portal, provider, tmp_path, desk)
        token = door.key("engineer", "camera")
        asked = [portal.start_task_soon(desk.ask, lambda it: it.snapshot()) for _ in range(WAITING)]
        try:
            answer = door.request("GET", "/v1/rollouts", token)
            problem(answer, 503, "too-busy")
            assert door.ask(("post", "/v1/images"), token).status_code == 202
        finally:
            held.set()
        for one in asked:
            assert one.exception(timeout=60) is not None
        problem(door.request("GET", "/v1/rollouts", token), 503, "registry-away")
