"""Who gets in, how long, and from where changes are taken."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from services.console import session
from services.console.answers import local
from services.console.session import COOKIE, LONGEST_TOKEN
from services.console.shield import CONTENT_SECURITY_POLICY, same_origin
from shared.auth import Role
from tests.unit.services.console.house import ORIGIN, House
from tests.unit.services.console.parts import verdict


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A console that asks who comes."""
    with House(tmp_path_factory.mktemp("house")) as found:
        yield found


@pytest.fixture
def house(built: House) -> House:
    """It, as nobody has been there."""
    built.keys_file.write_text("")
    built.outgoing.events.clear()
    return built


async def sign_in(browser: httpx.AsyncClient, token: str, to: str = "/line") -> httpx.Response:
    """As the form does."""
    return await browser.post("/sign-in", data={"token": token, "next": to})


def test_nobody_sees_a_page(house: House) -> None:
    """A person is led to the sign-in page and back, a part of a page likewise; the stream is refused."""

    async def steps(browser: httpx.AsyncClient) -> None:
        page = await browser.get("/fails?show=passes")
        assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/fails%3Fshow%3Dpasses")
        part = await browser.get("/fails/list", headers={"hx-request": "true", "hx-current-url": f"{ORIGIN}/fails?x=1"})
        assert (part.status_code, part.headers["hx-redirect"]) == (401, "/sign-in?next=/fails%3Fx%3D1")
        for path in ("/live", "/alive", "/evidence/munich/photo/crop", "/parts/munich/photo"):
            assert (await browser.get(path)).status_code in (303, 401)
        assert (await browser.post("/parts/munich/x/feedback", data={"finding": "false_alarm"})).status_code == 303

    house.visit(steps)
    assert house.outgoing.events == []


def test_signing_in_and_out(house: House) -> None:
    """The cookie is not for scripts and not for other sites; signing out forgets it."""
    token = house.key(Role.OPERATOR)

    async def steps(browser: httpx.AsyncClient) -> None:
        taken = await sign_in(browser, f" {token} ", "/fails")
        assert (taken.status_code, taken.headers["location"]) == (303, "/fails")
        cookie = taken.headers["set-cookie"].lower()
        assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/", f"max-age={12 * 3600}"))
        assert token not in taken.headers["set-cookie"]
        assert (await browser.get("/fails")).status_code == 200
        await browser.post("/sign-out")
        assert (await browser.get("/fails")).status_code == 303

    house.visit(steps)


@pytest.mark.parametrize("token", ["", "lg_00000000_" + "0" * 64, "nonsense", "x" * (LONGEST_TOKEN + 1)])
def test_a_wrong_key_gets_a_word_and_no_session(house: House, token: str) -> None:
    """And is never shown again."""

    async def steps(browser: httpx.AsyncClient) -> httpx.Response:
        return await sign_in(browser, token)

    answer = house.visit(steps)
    assert answer.status_code in (401, 422)
    assert "sign-in-problem" in answer.text
    assert "set-cookie" not in answer.headers
    assert not token or token not in answer.text


def test_a_key_that_is_revoked_is_out_at_once(house: House) -> None:
    """The session holds no rights: they are asked anew each time."""
    token = house.key(Role.OPERATOR)

    async def steps(browser: httpx.AsyncClient) -> httpx.Response:
        await sign_in(browser, token)
        assert (await browser.get("/fails")).status_code == 200
        house.keys_file.write_text("")
        return await browser.get("/fails")

    assert house.visit(steps).headers["location"].endswith("&expired=1")


def _sealed(secret: str, token: str, age_s: float = 0) -> str:
    """A session cookie as a console of this secret made it so long ago."""
    maker = session.Sessions(House.settings_of(secret))
    at = int(time.time() - age_s)
    fernet: Fernet = maker._fernet
    return fernet.encrypt_at_time(f'{{"token": "{token}"}}'.encode(), at).decode()


@pytest.mark.parametrize("what", ["fresh", "old", "foreign", "changed", "empty"])
def test_only_a_fresh_cookie_of_ours_is_a_session(house: House, what: str) -> None:
    """Not one that is too old, of another secret, or changed."""
    token = house.key(Role.OPERATOR)
    cookies = {
        "fresh": _sealed("s" * 32, token, 11.9 * 3600),
        "old": _sealed("s" * 32, token, 12.1 * 3600),
        "foreign": _sealed("t" * 32, token),
        "changed": _sealed("s" * 32, token).replace("A", "B"),
        "empty": "",
    }

    async def steps(browser: httpx.AsyncClient) -> int:
        return (await browser.get("/fails")).status_code

    assert house.visit(steps, cookies={COOKIE: cookies[what]}) == (200 if what == "fresh" else 303)


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"origin": ORIGIN}, True),
        ({"origin": ORIGIN, "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://console.test.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ORIGIN, "sec-fetch-site": "same-site"}, False),
        ({"origin": ORIGIN, "sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({}, False),
        ({"referer": f"{ORIGIN}/fails"}, False),
    ],
)
def test_changes_are_taken_from_own_pages_only(house: House, headers: dict[str, str], taken: bool) -> None:
    """Whoever is signed in elsewhere in the same browser must not be used."""
    token = house.key(Role.OPERATOR)
    house.live.memory.take(verdict("photo", failed=True))

    async def steps(browser: httpx.AsyncClient) -> int:
        await browser.post("/sign-in", data={"token": token}, headers={"origin": ORIGIN})
        path = "/parts/munich/photo/feedback"
        return (await browser.post(path, data={"finding": "false_alarm"}, headers=headers)).status_code

    assert house.visit(steps, origin=None) == (200 if taken else 403)
    assert len(house.outgoing.events) == taken


def test_behind_a_proxy_that_speaks_tls(tmp_path: Path) -> None:
    """The public address counts, and cookies are for HTTPS only."""
    with House(tmp_path, console={"public_url": "https://Linegate.Plant.example", "secret": "s" * 32}) as house:
        token = house.key(Role.OPERATOR)

        async def steps(browser: httpx.AsyncClient) -> httpx.Response:
            return await sign_in(browser, token)

        answer = house.visit(steps, origin="https://linegate.plant.example")
        assert answer.status_code == 303
        assert "secure" in answer.headers["set-cookie"].lower()


def test_a_link_in_a_mail_finds_the_session(house: House) -> None:
    """A strict cookie does not come along a link from elsewhere: the answer asks again from here, once."""

    async def steps(browser: httpx.AsyncClient) -> None:
        first = await browser.get("/fails", headers={"sec-fetch-site": "cross-site"})
        assert first.status_code == 200
        assert '<meta http-equiv="refresh" content="0">' in first.text
        again = await browser.get("/fails", headers={"sec-fetch-site": "same-origin"})
        assert again.status_code == 303

    house.visit(steps, origin=None)


def test_where_nobody_is_asked(tmp_path: Path) -> None:
    """No sign-in page, and nobody to sign out."""
    with House(tmp_path, auth={"mode": "off"}) as house:

        async def steps(browser: httpx.AsyncClient) -> None:
            assert (await browser.get("/sign-in?next=/fails")).headers["location"] == "/fails"
            page = await browser.get("/fails")
            assert page.status_code == 200
            assert "sign-out" not in page.text

        house.visit(steps)


@given(
    st.text() | st.sampled_from(["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "/sign-out"])
)
def test_one_is_led_back_to_pages_of_ours_only(where: str) -> None:
    """Else a link to the sign-in page could lead to a page that asks for the key once more."""
    found = local(where)
    assert found.startswith("/")
    assert not found.startswith(("//", "/\\", "/sign-"))
    assert found.isprintable()


@given(
    st.dictionaries(st.sampled_from(["origin", "host", "sec-fetch-site"]), st.text(st.characters(max_codepoint=255)))
)
def test_no_header_is_too_odd(headers: dict[str, str]) -> None:
    """The question is answered whatever was sent."""
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    assert isinstance(same_origin(Headers(raw=pairs), "http", None), bool)


def test_every_answer_tells_browsers_what_it_may_do(house: House) -> None:
    """Pages, parts, errors and files; and what one visitor saw is not kept for the next."""
    token = house.key(Role.ENGINEER)

    async def steps(browser: httpx.AsyncClient) -> list[httpx.Response]:
        await sign_in(browser, token)
        paths = ("/line", "/fails/list", "/nothing", "/sign-in", "/alive", "/rollouts", "/evidence/munich/x/crop")
        return [await browser.get(path) for path in paths]

    for answer in house.visit(steps):
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_files_may_be_kept(house: House) -> None:
    """Their addresses change with their content."""

    async def steps(browser: httpx.AsyncClient) -> None:
        page = (await browser.get("/sign-in")).text
        found = re.findall(r'(?:href|src)="(/static/[^"#]+)', page)
        assert len(found) > 5
        for path in found:
            answer = await browser.get(path)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]

    house.visit(steps)


def pages_of(house: House, paths: list[str], **cookies: Any) -> list[str]:
    """What a supervisor sees at each path."""
    token = house.key(Role.ENGINEER)

    async def steps(browser: httpx.AsyncClient) -> list[str]:
        await sign_in(browser, token)
        return [(await browser.get(path)).text for path in paths]

    return house.visit(steps, cookies=cookies)


def test_no_page_needs_inline_code(house: House) -> None:
    """The policy would have browsers refuse it: no script, style or handler in the page itself."""
    house.live.memory.take(verdict("photo", failed=True))
    for page in pages_of(house, ["/line", "/fails", "/parts/munich/photo", "/nothing", "/sign-in", "/training"]):
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)


def test_language_and_colours_are_remembered(house: House) -> None:
    """By a cookie each; anything else is not taken."""

    async def steps(browser: httpx.AsyncClient) -> None:
        assert 'lang="en"' in (await browser.get("/sign-in")).text
        await browser.post("/preferences", data={"language": "de", "theme": "dark", "next": "/sign-in"})
        page = (await browser.get("/sign-in")).text
        assert '<html lang="de" data-theme="dark">' in page
        assert "Anmelden" in page
        assert (await browser.post("/preferences", data={"theme": "<b>"})).status_code == 422

    house.visit(steps)
