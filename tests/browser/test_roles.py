"""Who may do what, and who sees what."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.rig.labels import MUNICH, SPARTANBURG
from tests.browser.rig.people import ELSEWHERE, ENGINEER, OPERATOR
from tests.browser.rig.shift import subscribed
from tests.browser.rig.windows import Windows
from tests.browser.rig.works import Works
from tests.browser.test_alerts import each_fail

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
STEP = f"/rollouts/{MUNICH.name}/{MUNICH.line}/*/*/*/promote"
SHOWN = (
    "/line",
    "/fails",
    "/fails?show=passes",
    "/alerts",
    "/alerts/silences",
    "/history",
    "/rollouts",
    "/training",
    "/subscriptions",
)


def post(page: Page, path: str, form: dict[str, str]) -> int:
    """The status of a form that was sent by a script on the page, past every button."""
    return int(
        page.evaluate(
            """async ([path, form]) =>
              (await fetch(path, { method: "POST", body: new URLSearchParams(form), redirect: "manual" })).status""",
            [path, form],
        )
    )


def test_an_operator_sees_no_step_of_a_rollout_and_takes_none(windows: Windows) -> None:
    """Also not past the page; an engineer would."""
    page = windows.of(OPERATOR, "/rollouts")
    expect(page.get_by_test_id("rollout-row")).to_have_count(1)
    for name in ("rollout-promote", "rollout-rollback", "rollout-next"):
        expect(page.get_by_test_id(name)).to_have_count(0)
    windows.watch.expect_refusal(403)
    form = {"version": f"{MUNICH.name}-2", "direct": "1"}
    assert post(page, STEP, form) == 403
    assert page.goto(f"{STEP}?version={MUNICH.name}-2&direct=1").status == 403  # type: ignore[union-attr]  # a page answers
    expect(page.get_by_test_id("problem")).to_be_visible()
    asked = windows.of(ENGINEER, f"{STEP}?version={MUNICH.name}-2&direct=1")
    expect(asked.get_by_test_id("confirm")).to_be_visible()


def test_a_plant_is_not_seen_from_another(works: Works, windows: Windows) -> None:
    """Neither in lists, nor in what is told live, nor by address."""
    with subscribed(works, each_fail(MUNICH, "not-yours", "Not yours")):
        page = windows.of(ELSEWHERE, "/fails")
        theirs = works.send(MUNICH, "P-not-yours", 10, damaged=True)
        ours = works.send(SPARTANBURG, "P-yours", 10, damaged=True)
        works.verdict(theirs)
        expect(page.locator(f'[data-image="{ours.id}"]')).to_be_visible()
        everything = windows.of(ENGINEER, "/alerts")
        expect(everything.get_by_text("P-not-yours").first).to_be_visible()
        for path in SHOWN:
            page.goto(path)
            text = page.locator("body").inner_text()
            for secret in (MUNICH.title, MUNICH.name, "P-not-yours", "Not yours"):
                assert secret.lower() not in text.lower(), f"{path} shows {secret}"
        windows.watch.expect_refusal(403)
        for path in (
            f"/fails?plant={MUNICH.name}",
            f"/parts/{MUNICH.name}/{theirs.id}",
            f"/evidence/{MUNICH.name}/{theirs.id}/crop",
        ):
            answer = page.request.get(path)
            assert theirs.part not in answer.text()
            assert answer.status in {200, 403, 404}
            assert "image" not in answer.headers["content-type"]


def test_a_stranger_signs_in_first(works: Works, windows: Windows) -> None:
    """Every page leads to the door; a wrong key does not open it; whoever signs out is out."""
    page = windows.strange()
    for path in SHOWN:
        page.goto(path)
        expect(page.get_by_test_id("sign-in")).to_be_visible()
    windows.watch.expect_refusal(401)
    page.get_by_test_id("sign-in-token").fill("lg_00000000_" + "0" * 64)
    page.get_by_test_id("sign-in-submit").click()
    expect(page.get_by_test_id("sign-in-problem")).to_be_visible()
    page.get_by_test_id("sign-in-token").fill(works.keys[OPERATOR])
    page.get_by_test_id("sign-in-submit").click()
    expect(page.get_by_test_id("nav-subscriptions")).to_have_attribute("aria-current", "page")
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    page.goto("/fails")
    expect(page.get_by_test_id("sign-in")).to_be_visible()


def test_another_site_changes_nothing(works: Works, windows: Windows) -> None:
    """A form on another site is refused, though the browser would send the cookie of this one."""
    page = windows.of(ENGINEER, "/rollouts")
    answer = page.request.post(
        STEP,
        form={"version": f"{MUNICH.name}-2", "direct": "1"},
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status == 403
    assert works.console in page.url
