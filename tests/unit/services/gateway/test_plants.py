"""Behind the door: what a caller may not send is not read, and what is another plant's is as if it did not exist."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
from structlog.testing import capture_logs

from services.answers import DeadPhoto
from services.gateway.verdict_cache import Judged
from shared.auth import ALL_PLANTS
from tests.unit.services.gateway.door import ABROAD, HOME, Door, refused
from tests.unit.services.gateway.test_app import ADDRESS, JPEG, picture, problem, verdict


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
