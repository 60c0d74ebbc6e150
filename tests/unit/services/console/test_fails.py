"""The page of fails: what is shown of a part, who may say what of it, and what becomes of that."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import cv2
import httpx
import numpy as np
import pytest

from services.console.pages.fails.view import newest, part_view
from shared.auth import Role
from shared.events import Feedback, PartAnomalyMap, Verdict
from shared.evidence import day_of
from tests.unit.services.archive.archived import archive
from tests.unit.services.console.house import House
from tests.unit.services.console.parts import START, verdict, word


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A console that asks who comes."""
    with House(tmp_path_factory.mktemp("house")) as found:
        yield found


def png(value: int = 128) -> bytes:
    """A picture."""
    return cv2.imencode(".png", np.full((8, 12), value, np.uint8))[1].tobytes()


def a_map(of: Verdict) -> PartAnomalyMap:
    """The map of a verdict's photo."""
    return PartAnomalyMap(
        **of.carried(), image=of.image, version="v1", low=0.0, high=40.0, pixels=png(), mediatype="image/png"
    )


def visit(house: House, steps: Any, *roles: Role, plants: tuple[str, ...] = ("*",)) -> Any:
    """Have somebody in these roles take `steps`."""
    token = house.key(*roles, plants=plants)

    async def all_steps(browser: httpx.AsyncClient) -> Any:
        await browser.post("/sign-in", data={"token": token})
        return await steps(browser)

    return house.visit(all_steps)


def get(house: House, path: str, *roles: Role, plants: tuple[str, ...] = ("*",)) -> httpx.Response:
    """What somebody in these roles gets at `path`."""

    async def steps(browser: httpx.AsyncClient) -> httpx.Response:
        return await browser.get(path)

    answer: httpx.Response = visit(house, steps, *(roles or (Role.OPERATOR,)), plants=plants)
    return answer


def say(house: House, of: Verdict, finding: str, *roles: Role, note: str = "", **more: Any) -> httpx.Response:
    """Press a button."""

    async def steps(browser: httpx.AsyncClient) -> httpx.Response:
        path = f"/parts/{of.plant}/{quote(of.image, safe='')}/feedback"
        return await browser.post(path, data={"finding": finding, "note": note}, headers={"hx-request": "true"})

    answer: httpx.Response = visit(house, steps, *(roles or (Role.OPERATOR,)), **more)
    return answer


def test_one_click_is_a_word_for_kafka(house: House) -> None:
    """With what was judged, and who says so; the answer is the card, with the word and a toast."""
    house.live.memory.take(fail := verdict("click", failed=True))
    house.outgoing.events.clear()
    answer = say(house, fail, "false_alarm", note="only dust")
    (event,) = house.outgoing.events
    assert isinstance(event, Feedback)
    assert (event.image, event.finding, event.note, event.part) == ("click", "false_alarm", "only dust", fail.part)
    assert event.by.startswith("key:")
    assert event.judged is not None
    assert event.judged.model is not None
    assert (event.judged.decision, event.judged.model.score) == ("fail", 30.0)
    assert "only dust" in answer.text
    assert "Taken" in answer.headers["hx-trigger"]


def test_the_same_again_is_no_new_word(house: House) -> None:
    """A second click by the same person; another person's word is one."""
    house.live.memory.take(fail := verdict("twice", failed=True))
    house.outgoing.events.clear()
    token = house.key(Role.OPERATOR)

    async def steps(browser: httpx.AsyncClient) -> list[str]:
        await browser.post("/sign-in", data={"token": token})
        said = ({"finding": "false_alarm", "note": "dust"}, {"finding": "false_alarm"}, {"finding": "confirmed_damage"})
        answers = [await browser.post("/parts/munich/twice/feedback", data=data) for data in said]
        return [answer.headers["hx-trigger"] for answer in answers]

    first, second, third = house.visit(steps)
    assert '"kind": "ok"' in first
    assert '"kind": "info"' in second
    assert '"kind": "ok"' in third
    assert len(house.outgoing.events) == 2
    say(house, fail, "confirmed_damage")
    assert len(house.outgoing.events) == 3


@pytest.mark.parametrize(
    ("finding", "failed", "status"),
    [
        ("missed_damage", True, 409),
        ("false_alarm", False, 409),
        ("nonsense", True, 422),
        ("confirmed_good", False, 200),
    ],
)
def test_a_word_must_fit_the_verdict(house: House, finding: str, failed: bool, status: int) -> None:
    """Else the answer is a toast with a hint, and nothing is published."""
    house.live.memory.take(of := verdict(f"{finding}-{failed}", failed=failed))
    house.outgoing.events.clear()
    answer = say(house, of, finding)
    assert answer.status_code == status
    assert len(house.outgoing.events) == (status == 200)
    assert status == 200 or '"kind": "error"' in answer.headers["hx-trigger"]


def test_a_note_that_is_too_long_is_told(house: House) -> None:
    """Kafka's event would not take it."""
    house.live.memory.take(of := verdict("long", failed=True))
    assert say(house, of, "false_alarm", note="x" * 1025).status_code == 422


def test_a_kafka_that_is_away_is_told(house: House) -> None:
    """Nothing is shown as taken that is not."""
    house.live.memory.take(of := verdict("away", failed=True))
    house.outgoing.away = True
    try:
        assert say(house, of, "false_alarm").status_code == 503
    finally:
        house.outgoing.away = False
    assert house.live.memory.words("munich", "away") == []


def test_a_note_is_text_and_never_markup(house: House) -> None:
    """Whoever writes tags sees them as they were written, and so does everybody else."""
    nasty = "<img src=x onerror=alert(1)></textarea><script>alert(2)</script>"
    house.live.memory.take(of := verdict("nasty", failed=True))
    assert say(house, of, "false_alarm", note=nasty).status_code == 200
    for path in ("/fails", "/fails/list", "/parts/munich/nasty"):
        page = get(house, path).text
        assert nasty not in page
        assert html.escape(nasty, quote=False) in page.replace("&#34;", '"').replace("&#39;", "'")
        assert not re.search(r"<img[^>]*onerror|<script>", page)


def test_a_photos_id_may_hold_anything(house: House) -> None:
    """Senders choose ids: they are quoted in addresses, and in pages."""
    odd = 'a/b?c#d%2F"><script>&é'
    house.live.memory.take(of := verdict(odd, failed=True))
    house.live.memory.take(a_map(of))
    page = get(house, "/fails").text
    assert "<script>&" not in page
    path = f"/parts/munich/{quote(odd, safe='')}"
    assert path in page
    assert get(house, path).status_code == 200
    assert get(house, f"/evidence/munich/{quote(odd, safe='')}/overlay").headers["content-type"] == "image/png"
    assert say(house, of, "false_alarm").status_code == 200


def test_a_plant_that_one_may_not_read_is_not_shown(house: House) -> None:
    """Neither its fails nor its name, nor a picture; and nobody speaks about its parts."""
    house.live.memory.take(at_home := verdict("home", failed=True, at=START + timedelta(minutes=1)))
    house.live.memory.take(abroad := verdict("abroad", failed=True, plant="lyon", at=START + timedelta(minutes=1)))
    house.live.memory.take(a_map(abroad))
    house.outgoing.events.clear()
    page = get(house, "/fails", plants=("munich",)).text
    assert 'data-image="home"' in page
    assert "lyon" not in page.lower()
    assert 'data-image="abroad"' not in page
    for path in ("/fails?plant=lyon", "/parts/lyon/abroad", "/evidence/lyon/abroad/overlay"):
        assert get(house, path, plants=("munich",)).status_code == 403
    assert say(house, abroad, "false_alarm", plants=("munich",)).status_code == 403
    assert say(house, at_home, "false_alarm", Role.CAMERA).status_code == 403
    assert house.outgoing.events == []


def test_buttons_are_for_those_who_may(house: House) -> None:
    """A camera may not even look; an operator judges."""
    house.live.memory.take(verdict("buttons", failed=True))
    assert get(house, "/fails", Role.CAMERA).status_code == 403
    assert "feedback-false-alarm" in get(house, "/fails", Role.OPERATOR).text


def test_passes_have_a_page_of_their_own(house: House) -> None:
    """To say that damage was missed."""
    house.live.memory.take(verdict("passed"))
    page = get(house, "/fails?show=passes&plant=munich").text
    assert 'data-image="passed"' in page
    assert "feedback-missed-damage" in page
    assert "feedback-false-alarm" not in page


def test_pictures_come_from_memory_and_from_the_store(house: House) -> None:
    """They may be kept by the browser, by the visitor's own only; one that is nowhere is not found."""
    house.live.memory.take(of := verdict("pictured", failed=True))
    crop = png()
    house.shelf.put("munich", day_of(of.captured), "pictured", "crop", crop)
    found = get(house, "/evidence/munich/pictured/crop")
    assert (found.content, found.headers["content-type"]) == (crop, "image/png")
    assert found.headers["cache-control"].startswith("private")
    assert get(house, "/evidence/munich/pictured/overlay").status_code == 404
    house.live.memory.take(a_map(of))
    assert get(house, "/evidence/munich/pictured/overlay").status_code == 200
    assert get(house, "/evidence/munich/pictured/photo").status_code == 404
    assert get(house, "/evidence/munich/pictured/secrets").status_code == 422
    at = quote(of.captured.isoformat())
    house.shelf.put("munich", day_of(of.captured), "forgotten", "crop", crop)
    assert get(house, f"/evidence/munich/forgotten/crop?at={at}").status_code == 200
    assert get(house, "/evidence/munich/forgotten/crop").status_code == 404


def test_a_part_that_is_not_remembered(house: House) -> None:
    """While the past is still being read it may yet come; the page says so."""
    answer = get(house, "/parts/munich/never-seen")
    assert answer.status_code == 503
    assert "still being read" in answer.text


def test_a_part_of_long_ago_comes_from_the_history(house: House) -> None:
    """With its pictures, by when it was taken; what is said of it, the labels worker joins with its verdict."""
    of = verdict("long-ago", failed=True, plant="lyon").lying_at(0, 7)
    archive(house.settings.store.url, [of])
    house.shelf.put("lyon", day_of(of.captured), "long-ago", "crop", png())
    house.outgoing.events.clear()
    at = of.captured.isoformat(timespec="seconds")
    page = get(house, f"/parts/lyon/long-ago?at={quote(at)}")
    assert page.status_code == 200
    assert "30.00" in page.text
    token = house.key(Role.OPERATOR)

    async def steps(browser: httpx.AsyncClient) -> list[httpx.Response]:
        await browser.post("/sign-in", data={"token": token})
        data = {"at": of.captured.isoformat(), "shown_as": "past"}
        path = "/parts/lyon/long-ago/feedback"
        return [
            await browser.post(path, data=data | {"finding": finding}) for finding in ("missed_damage", "false_alarm")
        ]

    wrong, right = house.visit(steps)
    assert (wrong.status_code, right.status_code) == (409, 200)
    (event,) = house.outgoing.events
    assert (event.image, event.part, event.line, event.captured) == ("long-ago", of.part, of.line, of.captured)
    assert event.judged is None
    assert get(house, f"/parts/lyon/long-ago?at={quote(at)}", plants=("munich",)).status_code == 403


def test_the_history_of_a_part(house: House) -> None:
    """Its other photos, the latest first."""
    for number in range(3):
        at = START + timedelta(minutes=number)
        house.live.memory.take(verdict(f"again-{number}", failed=number == 1, at=at, part="REWORK"))
    page = get(house, "/parts/munich/again-2").text
    assert page.index("again-1") < page.index("again-0")


def test_what_can_be_said_of_a_verdict() -> None:
    """Two findings of each; whether a map was made is told by the verdict until the map itself is there."""
    fail = part_view(verdict("1", failed=True), [], map_held=False, may_judge=True)
    assert (fail.findings, fail.has_map, fail.word) == (("confirmed_damage", "false_alarm"), True, None)
    passed = part_view(verdict("2"), [word(verdict("2"), "missed_damage")], map_held=False, may_judge=True)
    assert (passed.findings, passed.has_map) == (("missed_damage", "confirmed_good"), False)
    assert passed.word is not None
    assert passed.word.finding == "missed_damage"


def test_the_newest_of_several_plants() -> None:
    """In one row; of one line where that is asked for."""
    here = [verdict(str(number), at=START + timedelta(minutes=number)) for number in (4, 2, 0)]
    there = [verdict(str(number), at=START + timedelta(minutes=number), plant="lyon", line="a") for number in (3, 1)]
    assert [one.image for one in newest([here, there], 4)] == ["4", "3", "2", "1"]
    assert [one.image for one in newest([here, there], 4, line="a")] == ["3", "1"]
