"""From a subscription made in the page to the message in a supervisor's hand, and what they answer."""

from email.message import EmailMessage
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from shared.alerts.conditions import EachFail
from shared.alerts.subscription import Subscription
from shared.events import AlertChanged
from shared.registry.place_key import PlaceKey
from tests.browser.rig.labels import MUNICH, Plant
from tests.browser.rig.people import COLLEAGUE, SUPERVISOR
from tests.browser.rig.shift import subscribed
from tests.browser.rig.windows import Windows
from tests.browser.rig.works import Works, until

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
ADDRESS = "shift@plant.example"


def steps_of(works: Works, alert: str) -> list[AlertChanged]:
    """What was told of an alert on Kafka."""
    return [event for event in works.witness.all(AlertChanged) if event.alert == alert]


def each_fail(plant: Plant, name: str, title: str = "") -> Subscription:
    """To each failed part of a plant, without channels."""
    return Subscription(
        id=name,
        title=title,
        scope=PlaceKey.parse(f"{plant.name}/{plant.line}"),
        condition=EachFail(),
        group_by=("plant", "part"),
    )


def row(page: Page, part: str) -> Locator:
    """The open alert about a part."""
    return page.get_by_test_id("alert-row").filter(has_text=part)


def answer(page: Page, alert: Locator, action: str, note: str) -> None:
    """Acknowledge or resolve, with a note."""
    alert.get_by_test_id(action).click()
    page.get_by_test_id("alert-note").fill(note)
    page.get_by_test_id("alert-confirm").click()


def test_a_subscription_fires_once_for_each_alert(works: Works, windows: Windows) -> None:
    """Made by form; each failed part is one signed webhook and one mail with its picture. Then it is taken care of."""
    page = windows.of(SUPERVISOR, "/subscriptions")
    secret = subscribe_by_form(works, page)
    before = len(works.mailbox.to(ADDRESS))
    bad = [works.send(MUNICH, f"P-told-{number}", number, damaged=True) for number in range(2)]
    works.send(MUNICH, "P-untold", 0, damaged=False)
    works.publisher.publish(bad[0]).result(30)  # a camera that sends a photo twice
    until(lambda: len(works.webhooks.at("shift")) >= 2, "both webhooks were called")
    until(lambda: len(works.mailbox.to(ADDRESS)) - before >= 2, "both mails have come")

    alerts = {}
    for delivery in works.webhooks.at("shift"):
        message = delivery.verified(secret)
        assert delivery.headers["webhook-id"]
        alerts[part_of(message)] = message
    assert alerts.keys() == {"P-told-0", "P-told-1"}
    for mail in works.mailbox.to(ADDRESS)[before:]:
        inline_picture(mail)

    page.get_by_test_id("nav-alerts").click()
    first = row(page, "P-told-0")
    other = windows.of(COLLEAGUE, "/alerts")
    expect(row(other, "P-told-0")).to_be_visible()
    answer(page, first, "alert-ack", "I look at the tool")
    expect(first.get_by_test_id("alert-taken")).to_contain_text("I look at the tool")
    expect(row(other, "P-told-0").get_by_test_id("alert-taken")).to_contain_text("I look at the tool")
    answer(other, row(other, "P-told-0"), "alert-resolve", "the tool was dull")
    for shown in (page, other):
        expect(row(shown, "P-told-0")).to_have_count(0)
        expect(shown.get_by_test_id("alert-closed-row").filter(has_text="P-told-0")).to_be_visible()
    told = works.witness.wait(AlertChanged, lambda change: change.part == "P-told-0" and change.step == "resolved")
    steps = [(step.step, step.note) for step in steps_of(works, told.alert)]
    assert steps == [("fired", ""), ("acknowledged", "I look at the tool"), ("resolved", "the tool was dull")]

    page.goto("/subscriptions/damaged-labels")
    rows = page.get_by_test_id("delivery-row")
    expect(rows).to_have_count(4)
    assert {row.get_attribute("data-outcome") for row in rows.all()} == {"delivered"}
    assert len(works.webhooks.at("shift")) == 2, "exactly once per alert"
    assert len(works.mailbox.to(ADDRESS)) - before == 2, "exactly once per alert"
    page.get_by_test_id("subscription-remove").click()
    page.get_by_test_id("subscription-remove-confirm").click()
    expect(page.get_by_test_id("subscription-row").filter(has_text="Damaged labels")).to_have_count(0)


def subscribe_by_form(works: Works, page: Page) -> str:
    """Each failed part has an alert of its own, told by webhook and mail; answers the webhook's secret."""
    page.get_by_test_id("subscription-new").click()
    page.get_by_test_id("field-title").fill("Damaged labels")
    page.get_by_test_id("field-condition").select_option("each_fail")
    page.get_by_test_id("field-severity-critical").check()
    page.get_by_test_id("field-plant").fill(MUNICH.name)
    page.get_by_test_id("field-line").fill(MUNICH.line)
    page.get_by_test_id("field-group_by-part").check()
    channels = page.get_by_test_id("channels")
    channels.get_by_test_id("channel-add-webhook").click()
    page.get_by_test_id("field-url").fill("no address")
    channels.get_by_test_id("channel-add-email").click()
    page.get_by_test_id("field-to").fill(ADDRESS)
    page.get_by_test_id("save").click()
    expect(page.get_by_test_id("form-problems")).to_be_visible()
    expect(page.get_by_test_id("field-title")).to_have_value("Damaged labels")
    page.get_by_test_id("field-url").fill(works.webhooks.url("shift"))
    page.get_by_test_id("save").click()
    return page.get_by_test_id("secret-value").inner_text()


def part_of(message: Any) -> str:
    """The part that a webhook's message is about."""
    return str(message["data"]["part"])


def inline_picture(mail: EmailMessage) -> None:
    """A picture lies in the mail, and its HTML shows it."""
    pictures = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert pictures, [part.get_content_type() for part in mail.walk()]
    html = mail.get_body(("html",))
    assert html is not None
    content = html.get_content()
    for picture in pictures:
        assert f"cid:{picture['content-id'].strip().strip('<>')}" in content
    assert "http://" not in content.replace("http://127.0.0.1", ""), "nothing is fetched from elsewhere"


def test_two_supervisors_acknowledge_at_once(works: Works, windows: Windows) -> None:
    """One of them takes care of it; the other is told who does."""
    with subscribed(works, each_fail(MUNICH, "at-once")):
        works.send(MUNICH, "P-at-once", 3, damaged=True)
        pages = [windows.of(person, "/alerts") for person in (SUPERVISOR, COLLEAGUE)]
        for page in pages:
            row(page, "P-at-once").get_by_test_id("alert-ack").click()
            page.get_by_test_id("alert-note").fill("mine")
        for page in pages:
            # Without waiting for an answer: the second is clicked while the first is under way.
            page.get_by_test_id("alert-confirm").evaluate("button => { setTimeout(() => button.click()); }")
        for page in pages:
            expect(row(page, "P-at-once")).to_have_attribute("data-state", "acknowledged")
            expect(page.get_by_test_id("toast").first).to_be_visible()
        told = [page.get_by_test_id("toast").first.inner_text() for page in pages]
        assert len([text for text in told if "already takes care of it" in text]) == 1, told
    expect(row(pages[0], "P-at-once")).to_have_count(0)
    over = works.witness.wait(AlertChanged, lambda change: change.part == "P-at-once" and change.step == "resolved")
    assert [step.step for step in steps_of(works, over.alert)] == ["fired", "acknowledged", "resolved"]
