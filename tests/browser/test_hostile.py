"""What people type is shown as they typed it, and never executed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from shared.alerts.desk import SubscriptionDesk
from shared.alerts.records import Silence
from shared.events import now
from shared.registry.place_key import PlaceKey
from tests.browser.rig.labels import MUNICH
from tests.browser.rig.people import ENGINEER
from tests.browser.rig.shift import subscribed
from tests.browser.rig.windows import Windows
from tests.browser.rig.works import Works
from tests.browser.test_alerts import answer, each_fail, row

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
HOSTILE: Final = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{ 7*7 }}&lt;b&gt;"
EXECUTED: Final = "img[src=x], main script, [onerror]"


def shows_it(page: Page) -> None:
    """As text, somewhere that is seen; no element was made of it."""
    expect(page.locator("main").get_by_text(HOSTILE).first).to_be_visible()
    expect(page.locator(EXECUTED)).to_have_count(0)


def test_html_in_notes_and_titles_is_text(works: Works, windows: Windows) -> None:
    """A title, a note on a part, on an alert, on a silence and on a rollout: on every page that shows them.

    `windows` sees to it that no dialog opened, no script failed and the browser's policy was not needed.
    """
    page = windows.of(ENGINEER, "/fails")
    with subscribed(works, each_fail(MUNICH, "hostile", HOSTILE)), silenced(works):
        photo = works.send(MUNICH, "P-hostile", 11, damaged=True)
        card = page.locator(f'[data-test=fail-card][data-image="{photo.id}"]')
        card.locator("summary").click()
        card.get_by_test_id("feedback-note").fill(HOSTILE)
        card.get_by_test_id("feedback-confirmed-damage").click()
        expect(card.get_by_test_id("word")).to_contain_text(HOSTILE)
        shows_it(page)
        page.goto(f"/parts/{MUNICH.name}/{photo.id}")
        shows_it(page)

        page.goto("/alerts")
        alert = row(page, "P-hostile")
        answer(page, alert, "alert-ack", HOSTILE)
        expect(alert.get_by_test_id("alert-taken")).to_contain_text(HOSTILE)
        shows_it(page)
        alert.get_by_role("link").first.click()
        expect(page.get_by_test_id("alert-step").first).to_contain_text(HOSTILE)
        shows_it(page)
        for path in ("/subscriptions", "/subscriptions/hostile", "/alerts/silences"):
            page.goto(path)
            shows_it(page)
        page.goto("/subscriptions/hostile/edit")
        expect(page.get_by_test_id("field-title")).to_have_value(HOSTILE)

        page.goto(f"/rollouts/{MUNICH.name}/{MUNICH.line}/*/*/*")
        page.get_by_test_id("rollout-version").select_option(f"{MUNICH.name}-2")
        page.get_by_test_id("rollout-shadow-step").click()
        page.get_by_test_id("confirm-note").fill(HOSTILE)
        page.get_by_test_id("confirm").click()
        expect(page.get_by_test_id("history-row").first).to_contain_text(HOSTILE)
        page.get_by_test_id("rollout-end-shadow").click()
        page.get_by_test_id("confirm").click()
        expect(page.get_by_test_id("rollout-shadow")).to_have_count(0)

        page.goto("/alerts")
        answer(page, row(page, "P-hostile"), "alert-resolve", HOSTILE)
        expect(row(page, "P-hostile")).to_have_count(0)
        shows_it(page)


@contextmanager
def silenced(works: Works) -> Iterator[None]:
    """A silence of a place without a camera, with a hostile note, for the length of a block."""
    silence = Silence(
        id="hostile",
        scope=PlaceKey.parse(f"{MUNICH.name}/nowhere"),
        begin=now(),
        end=now() + timedelta(hours=1),
        by="test",
        note=HOSTILE,
    )
    with SubscriptionDesk(works.redis) as desk:
        revision = desk.put_silence(silence)
        try:
            yield
        finally:
            desk.remove_silence(silence.id, expected=revision, author="test")
