"""The subscriptions page: list, editor, channels, delivery log."""

from datetime import timedelta
from typing import Any

import pytest

from shared.alerts.channels import Email, Webhook
from shared.alerts.conditions import EachFail, NoPhotos
from shared.alerts.delivery import Delivery
from shared.alerts.records import Message
from shared.alerts.subscription import Subscription
from shared.auth import Role
from shared.events import now
from shared.registry.place_key import PlaceKey
from tests.integration.console.alerts.console import Console, Page, toast

pytestmark = pytest.mark.redis
HOOK = Webhook(name="webhook", url="https://hooks.example/x?key=theirs")
FAILS = Subscription(id="fails", scope=PlaceKey.parse("munich/line-1"), condition=EachFail(), channels=(HOOK,))
FORM: dict[str, Any] = {
    "title": "Müll <b>an</b> Linie 1",
    "plant": "munich",
    "line": "line-1",
    "station": "",
    "layout": "",
    "camera": "",
    "condition": "no_photos",
    "no_photos.minutes": "7,5",
    "severity": "error",
    "group_by": ["plant", "line"],
    "repeat": "2",
    "repeat.unit": "h",
    "resolve_after": "30",
    "resolve_after.unit": "min",
    "escalate_after": "15",
    "escalate_after.unit": "min",
    "language": "de",
    "enabled": "on",
    "channels": ["webhook", "mail"],
    "channel.webhook.kind": "webhook",
    "channel.webhook.url": "https://hooks.example/1",
    "channel.mail.kind": "email",
    "channel.mail.to": "kim@plant.example",
}


def wrong(page: Page) -> set[str]:
    """The fields that are marked."""
    return {element["name"] for element in page.elements if element.get("aria-invalid") == "true"}


def saved(console: Console, name: str) -> Subscription:
    """As it stands in Redis."""
    return console.desk.subscriptions()[name].record


def test_a_subscription_is_made_in_the_page(console: Console) -> None:
    """Its secret is shown once."""
    kim = console.visitor()
    page = kim.get("/subscriptions/_new")
    assert page.value("field-plant") == "munich"
    assert page.value("field-hours.zone") == "Europe/Berlin"
    answer = kim.post("/subscriptions", FORM)
    record = saved(console, "muell-b-an-b-linie-1")
    assert (record.condition, record.language, record.owner) == (NoPhotos(minutes=7.5), "de", kim.subject)
    assert record.repeat_s == 7200
    assert [channel.name for channel in record.channels] == ["webhook", "mail"]
    assert answer.headers["HX-Push-Url"] == f"/subscriptions/{record.id}"
    secret = console.desk.secret(record.id, "webhook")
    assert secret is not None
    assert secret in answer.text
    again = kim.client.get(f"/subscriptions/{record.id}").text
    assert secret not in again
    assert "Müll &lt;b&gt;an" in again
    listed = kim.get("/subscriptions")
    assert [row["data-subscription"] for row in listed.all("subscription-row")] == [record.id]
    assert kim.post("/subscriptions", FORM).status_code == 200
    assert saved(console, f"{record.id}-2").title == record.title


def test_what_is_wrong_is_said_and_what_was_typed_stays(console: Console) -> None:
    """Nothing is saved."""
    kim = console.visitor()
    sent = {
        **FORM,
        "no_photos.minutes": "1441",
        "channel.webhook.url": "htp:/x",
        "channel.mail.to": "kim",
        "hours": "on",
        "hours.zone": "Mars/Base",
        "hours.begin": "06:00",
        "hours.end": "14:00",
        "hours.days": ["mon"],
        "id": "Not a name",
    }
    page = Page(kim.post("/subscriptions", sent))
    fields = {"no_photos.minutes", "channel.webhook.url", "channel.mail.to", "hours.zone", "id"}
    assert wrong(page) == fields
    assert page.value("field-no_photos.minutes") == "1441"
    assert page.value("field-url") == "htp:/x"
    assert page.value("field-title") == FORM["title"]
    assert page.value("field-hours.zone") == "Mars/Base"
    assert page.fields()["hours.days"] == ["mon"]
    assert "at most 1440" in page.text
    assert console.desk.subscriptions() == {}
    taken = console.subscribe(FAILS)
    assert taken
    assert wrong(Page(kim.post("/subscriptions", {**FORM, "id": "fails"}))) == {"id"}
    assert saved(console, "fails") == FAILS.model_copy(update={"owner": "key:lee"})


def test_the_condition_shows_its_own_fields_only(console: Console) -> None:
    """What was typed for another one waits."""
    kim = console.visitor()
    sent = {**FORM, "do": "condition", "condition": "fail_rate"}
    page = Page(kim.post("/subscriptions/_form", sent))
    assert page.value("field-fail_rate.confidence") == "99"
    assert not page.all("field-no_photos.minutes")
    assert page.fields()["no_photos.minutes"] == ["7,5"]
    assert not page.all("field-group_by-part")
    each = Page(kim.post("/subscriptions/_form", {**FORM, "do": "condition", "condition": "each_fail"}))
    assert each.all("field-group_by-part")


def test_channels_are_added_and_removed(console: Console) -> None:
    """Names are made; one that was removed just now is not given to another receiver."""
    kim = console.visitor()
    added = Page(kim.post("/subscriptions/_form", {**FORM, "do": "add:channels:webhook"}))
    assert [row["data-channel"] for row in added.all("channel-row")] == ["webhook", "mail", "webhook-2"]
    gone = Page(kim.post("/subscriptions/_form", {**FORM, "do": "remove:channels:webhook"}))
    assert [row["data-channel"] for row in gone.all("channel-row")] == ["mail"]
    left = {name: value for name, value in FORM.items() if not name.startswith("channel")}
    sent = {**left, **gone.fields(), "do": "add:channels:webhook"}
    assert [row["data-channel"] for row in Page(kim.post("/subscriptions/_form", sent)).all("channel-row")] == [
        "mail",
        "webhook-2",
    ]
    boss = Page(kim.post("/subscriptions/_form", {**FORM, "do": "add:escalation.channels:mqtt"}))
    assert [row["data-channel"] for row in boss.all("channel-row")] == ["light"]
    assert boss.fields()["channel.light.retain"] == ["on"]


def test_two_who_edit_at_once_are_told(console: Console) -> None:
    """The second one keeps what was typed, and may load what the first one saved."""
    console.subscribe(FAILS)
    kim, lee = console.visitor(), console.visitor()
    revision = kim.get("/subscriptions/fails/edit").fields()["revision"]
    assert kim.get("/subscriptions/fails/edit").value("field-line") == "line-1"
    theirs = {**FORM, "revision": revision, "title": "Lee's"}
    assert "HX-Push-Url" in lee.post("/subscriptions/fails", theirs).headers
    page = Page(kim.post("/subscriptions/fails", {**FORM, "revision": revision, "title": "Kim's"}))
    assert page.all("subscription-conflict")
    assert page.all("subscription-reload")
    assert lee.subject.removeprefix("key:") in page.text
    assert page.value("field-title") == "Kim's"
    assert saved(console, "fails").title == "Lee's"
    # Saving again does not overrun the other one either.
    again = {**FORM, "revision": page.fields()["revision"], "title": "Kim's"}
    assert Page(kim.post("/subscriptions/fails", again)).all("subscription-conflict")
    assert saved(console, "fails").title == "Lee's"


def test_only_new_webhooks_get_a_secret(console: Console) -> None:
    """The old one's receiver need not be told anything."""
    revision = console.subscribe(FAILS)
    old = console.desk.new_secret("fails", "webhook")
    kim = console.visitor()
    more = {
        **FORM,
        "revision": str(revision),
        "channels": ["webhook", "webhook-2"],
        "channel.webhook-2.kind": "webhook",
        "channel.webhook-2.url": "https://hooks.example/2",
    }
    answer = kim.post("/subscriptions/fails", more)
    new = console.desk.secret("fails", "webhook-2")
    assert new is not None
    assert console.desk.secret("fails", "webhook") == old
    assert new in answer.text
    assert old not in answer.text
    renewed = kim.post("/subscriptions/fails/channels/webhook/secret")
    assert console.desk.secret("fails", "webhook") != old
    assert str(console.desk.secret("fails", "webhook")) in renewed.text
    page = kim.get("/subscriptions/fails")
    assert not page.all("secret-value")
    assert kim.post("/subscriptions/fails/channels/nothing/secret").status_code == 404


def test_rights_end_at_the_plant(console: Console) -> None:
    """Who may not manage has no buttons and is refused; who may not read sees nothing."""
    revision = console.subscribe(FAILS)
    every = FAILS.model_copy(update={"id": "every", "scope": PlaceKey.parse("*")})
    console.subscribe(every)
    kim, ann, max_ = console.visitor(), console.visitor(Role.SUPERVISOR, "austin"), console.visitor(Role.OPERATOR)
    boss = console.visitor(Role.ENGINEER, "*")
    assert [row["data-subscription"] for row in kim.get("/subscriptions").all("subscription-row")] == ["fails"]
    assert ann.get("/subscriptions").all("subscription-row") == []
    assert len(boss.get("/subscriptions").all("subscription-row")) == 2
    for path in ("/subscriptions/fails", "/subscriptions/fails/edit", "/subscriptions/_new?copy=fails"):
        assert ann.client.get(path).status_code == 404
    assert kim.client.get("/subscriptions/every").status_code == 404
    looked = max_.get("/subscriptions/fails")
    for hook in ("subscription-edit", "channel-test", "secret-new", "subscription-remove", "subscription-switch"):
        assert not looked.all(hook)
        assert kim.get("/subscriptions/fails").all(hook), hook
    assert not max_.get("/subscriptions").all("subscription-new")
    assert "theirs" not in max_.client.get("/subscriptions/fails").text, "a key in a URL is the receiver's"
    posts = [
        "",
        "/remove",
        "/enabled",
        "/channels/webhook/test",
        "/channels/webhook/secret",
        "/channels/webhook/enable",
    ]
    for path in posts:
        sent = {**FORM, "revision": str(revision), "enabled": "false"}
        assert max_.post(f"/subscriptions/fails{path}", sent).status_code == 403, path
        assert ann.post(f"/subscriptions/fails{path}", sent).status_code == 404, path
    assert max_.client.get("/subscriptions/fails/edit").status_code == 403
    assert ann.post("/subscriptions", FORM).status_code == 403
    assert kim.post("/subscriptions", {**FORM, "plant": "any"}).status_code == 403
    moved = {**FORM, "revision": str(revision), "plant": "austin"}
    assert kim.post("/subscriptions/fails", moved).status_code == 403
    assert saved(console, "fails").scope == FAILS.scope
    assert len(console.desk.subscriptions()) == 2
    assert "HX-Push-Url" in boss.post("/subscriptions", {**FORM, "plant": ""}).headers


def test_switched_off_and_removed(console: Console) -> None:
    """Both are based on what was seen."""
    revision = console.subscribe(FAILS)
    kim = console.visitor()
    assert kim.post("/subscriptions/fails/enabled", {"revision": revision, "enabled": "false"}).status_code == 200
    assert not saved(console, "fails").enabled
    stale = kim.post("/subscriptions/fails/remove", {"revision": revision})
    assert stale.status_code == 409
    assert toast(stale)["kind"] == "error"
    seen = kim.get("/subscriptions/fails").fields()["revision"][0]
    assert kim.post("/subscriptions/fails/remove", {"revision": seen}).headers["HX-Redirect"] == "/subscriptions"
    assert console.desk.subscriptions() == {}


def attempt(console: Console, outcome: str, **more: Any) -> Message:
    """The head of the webhook's outbox was tried."""
    claimed = console.outbox.claim("fails/webhook", lease_s=60)
    assert claimed is not None
    assert claimed.message is not None
    delivery = Delivery.model_validate(
        {
            "message": claimed.id,
            "subscription": "fails",
            "channel": "webhook",
            "step": "fired",
            "alert": claimed.message.change.alert,
            "test": claimed.message.test,
            "attempt": claimed.attempt,
            "outcome": outcome,
            "status": "HTTP 500 <b>oops</b>",
            "seconds": 0.2,
            "time": now(),
            **more,
        }
    )
    if outcome == "failed":
        console.outbox.give_up(claimed, delivery)
    else:
        console.outbox.later(claimed, now() + timedelta(hours=1), delivery)
    return claimed.message


def test_a_channel_is_tried_and_the_log_tells(console: Console) -> None:
    """What was given up can be put back."""
    console.subscribe(FAILS)
    kim = console.visitor()
    answer = kim.post("/subscriptions/fails/channels/webhook/test")
    assert toast(answer)["kind"] == "ok"
    assert Page(answer).all("delivery-waiting")
    message = attempt(console, "retry", next_attempt=now() + timedelta(hours=1))
    assert message.test
    page = kim.get("/subscriptions/fails/deliveries")
    assert [row["data-outcome"] for row in page.all("delivery-row")] == ["retry"]
    assert "next" in page.text
    assert not page.all("delivery-redrive")
    assert "oops&lt;/b&gt;" in kim.client.get("/subscriptions/fails").text
    console.outbox.redrive(message.id)
    attempt(console, "failed")
    page = kim.get("/subscriptions/fails/deliveries")
    assert [row["data-outcome"] for row in page.all("delivery-row")] == ["failed", "retry"]
    assert len(page.all("delivery-redrive")) == 1
    assert not console.visitor(Role.OPERATOR).get("/subscriptions/fails/deliveries").all("delivery-redrive")
    back = kim.post(f"/subscriptions/fails/deliveries/{message.id}/redrive")
    assert toast(back)["kind"] == "ok"
    assert Page(back).all("delivery-waiting")
    assert console.outbox.due(9) == ["fails/webhook"]
    assert kim.post("/subscriptions/fails/deliveries/other/redrive").status_code == 404
    assert kim.post("/subscriptions/fails/channels/nothing/test").status_code == 404


def test_a_disabled_channel_says_why_and_is_enabled(console: Console) -> None:
    """In the list as well."""
    console.subscribe(FAILS.model_copy(update={"channels": (HOOK, Email(name="mail", to=("kim@plant.example",)))}))
    console.outbox.disable("fails", "webhook", reason="410 Gone")
    kim = console.visitor()
    assert "1 channel is off" in kim.get("/subscriptions").text
    page = kim.get("/subscriptions/fails")
    assert len(page.all("channel-disabled")) == 1
    assert "410 Gone" in page.text
    enabled = kim.post("/subscriptions/fails/channels/webhook/enable")
    assert not Page(enabled).all("channel-disabled")
    assert console.outbox.disabled("fails") == {}
