"""Steps of a rollout in the console: asked before they are taken, and refused where somebody was quicker."""

from functools import partial

import pytest

from services.console.pages.rollouts.routes import VERSIONS
from shared.auth import Role
from shared.events import now
from shared.registry import lifecycle
from tests.integration.console.rollouts.console import LINE, PATH, Console, Page

pytestmark = pytest.mark.redis


def trial(console: Console) -> None:
    """Champion v1, canary v2 with 20 %."""
    for name in ("v1", "v2", "v3"):
        console.version(name)
    console.champion("v1")
    console.advance(lambda held: lifecycle.canary(held, "v2", 20, at=now()))


def test_promote_and_roll_back(console: Console) -> None:
    """The question says what will be in force, the answer puts exactly that in force, and the way back is there."""
    trial(console)
    ada = console.visitor()
    row = ada.get("/rollouts").one("rollout-row")
    assert row["data-key"] == str(LINE)
    asked = ada.get(f"{PATH}/promote?version=v2")
    assert "Make v2 the champion?" in asked.text
    assert "Champion v1 v2" in asked.text
    assert "80 % v1 20 % v2 100 % v2" in asked.text
    assert not asked.all("confirm-untried")
    answer = ada.step(f"{PATH}/promote", "as good for a week", version="v2")
    assert answer.status_code == 303, answer.text
    held = console.registry.assignment(LINE)
    assert held is not None
    assert (held.record.champion, held.record.former, held.record.canary) == ("v2", "v1", None)
    assert held.record.author == ada.subject
    assert console.registry.history(1)[0].note == "as good for a week"
    page = ada.get(answer.headers["location"])
    assert page.all("rollout-done")
    assert "as good for a week" in page.text
    back = page.one("rollout-rollback")["href"]
    assert "Go back to v1?" in ada.get(back).text
    assert ada.step(PATH + "/rollback", what="champion").status_code == 303
    held = console.registry.assignment(LINE)
    assert held is not None
    assert (held.record.champion, held.record.former) == ("v1", None)


def test_every_other_step(console: Console) -> None:
    """From a first entry to the last shadow, each by its own question."""
    for name in ("v1", "v2", "v3"):
        console.version(name)
    ada = console.visitor()
    assert PATH in [found.get("href") for found in ada.get("/rollouts").elements]
    begun = ada.get(PATH)
    assert begun.all("rollout-direct-step")
    assert not begun.all("rollout-canary-step")

    def take(name: str, **query: str) -> tuple[str, tuple[str, float, bool] | None, str | None]:
        assert ada.step(f"{PATH}/{name}", **query).status_code == 303, name
        held = console.registry.assignment(LINE)
        assert held is not None
        canary = held.record.canary
        told = None if canary is None else (canary.version, canary.percent, canary.paused)
        return held.record.champion, told, held.record.shadow

    assert take("promote", version="v1", direct="1") == ("v1", None, None)
    assert take("shadow", version="v3") == ("v1", None, "v3")
    assert take("canary", version="v2", percent="12.5") == ("v1", ("v2", 12.5, False), "v3")
    assert take("canary", version="v2", percent="50") == ("v1", ("v2", 50, False), "v3")
    assert take("pause") == ("v1", ("v2", 50, True), "v3")
    assert ada.get(f"{PATH}/promote?version=v2&direct=1").all("confirm-untried")
    assert take("resume") == ("v1", ("v2", 50, False), "v3")
    assert take("rollback", what="canary") == ("v1", None, "v3")
    assert take("rollback", what="shadow") == ("v1", None, None)
    assert [entry.action for entry in console.registry.history(20)[:9]] == [
        "rollback", "rollback", "resume", "pause", "canary", "canary", "shadow", "promote", "register",
    ]  # fmt: skip


def test_whoever_is_second_changes_nothing_and_learns_who_was_first(console: Console) -> None:
    """Both saw the same revision."""
    trial(console)
    ada = console.visitor()
    fields = ada.get(f"{PATH}/promote?version=v2").fields()
    console.advance(partial(lifecycle.rollback, what="canary"), author="key:grace")
    answer = ada.client.post(f"{PATH}/promote", data=fields, follow_redirects=False)
    assert answer.status_code == 409
    page = Page(answer)
    assert page.all("conflict")
    assert "key:grace" in page.text
    assert "theirs" in page.text
    held = console.registry.assignment(LINE)
    assert held is not None
    assert held.record.champion == "v1"
    # Asked anew on what is there now, where the step still makes sense.
    fields = ada.get(f"{PATH}/shadow?version=v3").fields()
    revision = console.advance(lambda held: lifecycle.canary(held, "v2", 5, at=now())).revision
    answer = ada.client.post(f"{PATH}/shadow", data=fields, follow_redirects=False)
    assert answer.status_code == 409
    assert Page(answer).fields()["expected"] == str(revision)


def test_an_entry_that_was_made_meanwhile_is_a_conflict_too(console: Console) -> None:
    """Who begins one must have seen that there was none."""
    console.version("v1")
    console.version("v2")
    ada = console.visitor()
    fields = ada.get(f"{PATH}/promote?version=v1&direct=1").fields()
    assert "expected" not in fields
    console.champion("v2")
    answer = ada.client.post(f"{PATH}/promote", data=fields, follow_redirects=False)
    assert answer.status_code == 409
    held = console.registry.assignment(LINE)
    assert held is not None
    assert held.record.champion == "v2"


def test_htmx_gets_a_dialog(console: Console) -> None:
    """A browser with scripts need not leave the page."""
    trial(console)
    answer = console.visitor().client.get(f"{PATH}/pause", headers={"HX-Request": "true"})
    assert answer.text.strip().startswith("<dialog")
    assert "<html" not in answer.text
    assert "data-open-now" in answer.text


def test_who_may_not_sees_no_step_and_takes_none(console: Console) -> None:
    """An operator may look; whoever is of another plant may not even do that."""
    trial(console)
    kim = console.visitor(Role.OPERATOR)
    page = kim.get(PATH)
    assert page.all("rollout-champion")
    hooks = {found.get("data-test", "") for found in page.elements}
    assert not hooks & {"rollout-promote", "rollout-pause", "rollout-rollback", "rollout-next", "rollout-share"}
    kim.get(f"{PATH}/promote?version=v2", 403)
    before = console.registry.assignment(LINE)
    assert before is not None
    # With everything that the step needs: nothing but the missing right is in its way.
    whole = {"version": "v2", "expected": str(before.revision)}
    assert kim.client.post(f"{PATH}/promote", data=whole, follow_redirects=False).status_code == 403
    stranger = console.visitor(Role.ENGINEER, "austin")
    for path in (PATH, f"{PATH}/comparison", f"{PATH}/history", f"{PATH}/pause"):
        stranger.get(path, 403)
    assert stranger.client.post(f"{PATH}/promote", data=whole, follow_redirects=False).status_code == 403
    assert not stranger.get("/rollouts").all("rollout-row")
    assert console.registry.assignment(LINE) == before


def test_versions_of_other_plants_do_not_exist(console: Console) -> None:
    """Neither in a list, nor by name."""
    trial(console)
    console.version("far-1", "austin")
    ada = console.visitor()
    assert "far-1" not in ada.get("/rollouts").text
    ada.get("/rollouts/versions/far-1", 404)
    ada.get("/rollouts/versions/far-1/report", 404)
    revision = ada.get(f"{PATH}/shadow?version=v3").fields()["expected"]
    answer = ada.client.post(f"{PATH}/shadow", data={"version": "far-1", "expected": revision})
    assert answer.status_code == 422
    assert "far-1 is not registered" in answer.text
    console.visitor(Role.ENGINEER, "*").get("/rollouts/versions/far-1")


def test_what_is_not_understood_is_told(console: Console) -> None:
    """One page, and nothing is done."""
    trial(console)
    ada = console.visitor()
    for path, status in (
        (f"{PATH}/canary?version=v3&percent=101", 422),
        (f"{PATH}/canary?version=v3&percent=some", 422),
        (f"{PATH}/canary?version=v3", 422),
        (f"{PATH}/shadow", 422),
        (f"{PATH}/shadow?version=NO%20NAME", 422),
        (f"{PATH}/rollback?what=everything", 422),
        (f"{PATH}/shadow?version=v1", 409),
        (f"{PATH}/guard", 404),
        ("/rollouts/munich/line-1/*/*/upside-down", 404),
        ("/rollouts/MUNICH/*/*/*/*", 404),
        ("/rollouts/versions/none", 404),
    ):
        assert ada.get(path, status).all("problem"), path
    # A form that was tampered with: a revision is a number.
    assert ada.client.post(f"{PATH}/pause", data={"expected": "1; drop"}).status_code == 422


def test_notes_are_text(console: Console) -> None:
    """Whatever somebody wrote, no browser runs it."""
    trial(console)
    ada = console.visitor()
    assert ada.step(f"{PATH}/pause", "<script>alert(1)</script>\n\x07 two\tlines").status_code in (303, 422)
    assert ada.step(f"{PATH}/pause", "<script>alert(1)</script>\n two\tlines").status_code == 303
    page = ada.client.get(PATH).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; two lines" in page
    assert "<script>alert" not in page


def test_in_german(console: Console) -> None:
    """The question, too."""
    trial(console)
    asked = console.visitor(language="de").get(f"{PATH}/promote?version=v2")
    assert "v2 zum Champion machen?" in asked.text


def test_a_great_many_versions(console: Console) -> None:
    """The newest are shown, and all of them where they are asked for."""
    for number in range(VERSIONS + 3):
        console.version(f"v{number}")
    ada = console.visitor()
    few = ada.get("/rollouts")
    assert len(few.all("version-row")) == VERSIONS
    assert len(ada.get(few.one("rollouts-every")["href"]).all("version-row")) == VERSIONS + 3
