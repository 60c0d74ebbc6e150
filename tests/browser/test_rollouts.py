"""A version is put on trial, promoted and taken back: by mouse, and by keyboard alone."""

import pytest
from playwright.sync_api import Locator, Page, expect

from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment
from tests.browser.rig.keyboard import press, tab_to
from tests.browser.rig.labels import MUNICH, SPARTANBURG, Plant
from tests.browser.rig.people import ENGINEER
from tests.browser.rig.windows import Windows
from tests.browser.rig.works import Works, until

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def in_force(works: Works, plant: Plant) -> Assignment:
    """What the registry holds."""
    with Registry(works.redis) as registry:
        held = registry.assignment(PlaceKey.parse(f"{plant.name}/{plant.line}"))
    assert held is not None
    return held.record


def judges(works: Works, plant: Plant, version: str) -> None:
    """Wait until photos of a plant are judged by a version."""

    def is_by_it() -> bool:
        stamp = works.verdict(works.send(plant, "P-rollout", 0, damaged=False)).model
        return stamp is not None and stamp.version == version

    until(is_by_it, f"{version} judges at {plant.name}")


def row_of(page: Page, plant: Plant) -> Locator:
    """The entry of a plant in the list."""
    return page.locator(f'[data-test=rollout-row][data-key="{plant.name}/{plant.line}/*/*/*"]')


def test_by_mouse(works: Works, windows: Windows) -> None:
    """Trial, promotion and rollback; each asks first, and each is what then judges."""
    first, second = f"{SPARTANBURG.name}-1", f"{SPARTANBURG.name}-2"
    page = windows.of(ENGINEER, "/rollouts")
    row_of(page, SPARTANBURG).get_by_test_id("rollout-open").click()
    page.get_by_test_id("rollout-version").select_option(second)
    page.get_by_test_id("rollout-percent").fill("100")
    page.get_by_test_id("rollout-canary-step").click()
    page.get_by_test_id("confirm").click()
    expect(page.get_by_test_id("rollout-canary")).to_contain_text(second)
    page.get_by_test_id("rollout-promote").click()
    page.get_by_test_id("confirm-cancel").click()
    assert in_force(works, SPARTANBURG).champion == first, "nothing happens before the answer"
    page.get_by_test_id("rollout-promote").click()
    page.get_by_test_id("confirm-note").fill("the trial was good")
    page.get_by_test_id("confirm").click()
    expect(page.get_by_test_id("rollout-champion")).to_contain_text(second)
    expect(page.get_by_test_id("history-row").first).to_contain_text("the trial was good")
    assert in_force(works, SPARTANBURG).champion == second
    judges(works, SPARTANBURG, second)

    page.get_by_test_id("nav-rollouts").click()
    row_of(page, SPARTANBURG).get_by_test_id("rollout-rollback").click()
    page.get_by_test_id("confirm").click()
    expect(page.get_by_test_id("rollout-champion")).to_contain_text(first)
    assert in_force(works, SPARTANBURG).champion == first
    judges(works, SPARTANBURG, first)


def test_by_keyboard_alone(works: Works, windows: Windows) -> None:
    """The same steps; wherever the focus goes, it is seen."""
    first, second = f"{MUNICH.name}-1", f"{MUNICH.name}-2"
    page = windows.of(ENGINEER, "/rollouts")
    press(row_of(page, MUNICH).get_by_test_id("rollout-open"))
    versions = page.get_by_test_id("rollout-version")
    tab_to(versions)
    page.keyboard.type(second)
    expect(versions).to_have_value(second)
    press(page.get_by_test_id("rollout-canary-step"))
    dialog = page.get_by_test_id("confirm-dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    press(page.get_by_test_id("rollout-canary-step"))
    press(page.get_by_test_id("confirm"))
    expect(page.get_by_test_id("rollout-canary")).to_contain_text(second)
    press(page.get_by_test_id("rollout-promote"))
    tab_to(page.get_by_test_id("confirm-note"))
    page.keyboard.type("without a mouse")
    press(page.get_by_test_id("confirm"))
    expect(page.get_by_test_id("rollout-champion")).to_contain_text(second)
    assert in_force(works, MUNICH).champion == second

    press(page.get_by_test_id("rollout-rollback"))
    press(page.get_by_test_id("confirm"))
    expect(page.get_by_test_id("rollout-champion")).to_contain_text(first)
    assert in_force(works, MUNICH).champion == first


def test_two_at_once(works: Works, windows: Windows) -> None:
    """Whoever comes second learns what the first did, and changes nothing unseen."""
    second = f"{MUNICH.name}-2"
    path = f"/rollouts/{MUNICH.name}/{MUNICH.line}/*/*/*"
    pages = [windows.of(ENGINEER, path) for _ in range(2)]
    for page in pages:
        page.get_by_test_id("rollout-version").select_option(second)
        page.get_by_test_id("rollout-canary-step").click()
        expect(page.get_by_test_id("confirm")).to_be_visible()
    pages[0].get_by_test_id("confirm").click()
    expect(pages[0].get_by_test_id("rollout-canary")).to_contain_text(second)
    held = in_force(works, MUNICH)
    windows.watch.expect_refusal(409)
    pages[1].get_by_test_id("confirm").click()
    expect(pages[1].get_by_test_id("conflict")).to_be_visible()
    assert in_force(works, MUNICH) == held
    pages[0].get_by_test_id("rollout-rollback").click()
    pages[0].get_by_test_id("confirm").click()
    expect(pages[0].get_by_test_id("rollout-canary")).to_have_count(0)
