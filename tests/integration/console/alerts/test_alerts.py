"""The alerts page."""

import pytest

from shared.alerts import life
from shared.alerts.channels import Mqtt
from shared.alerts.conditions import EachFail
from shared.alerts.delivery import Delivery
from shared.alerts.subscription import Subscription
from shared.auth import Role
from shared.events import now
from shared.registry.place_key import PlaceKey
from tests.integration.console.alerts.console import Console, Page, toast

pytestmark = pytest.mark.redis
FAILS = Subscription(
    id="fails",
    title="Damaged <i>labels</i>",
    scope=PlaceKey.parse("munich"),
    condition=EachFail(),
    channels=(Mqtt(name="light", topic="andon/1"),),
)
AUSTIN = FAILS.model_copy(update={"id": "austin", "scope": PlaceKey.parse("austin"), "severity": "critical"})


def rows(page: Page) -> list[str]:
    """The open alerts, as they stand."""
    return [row["data-alert"] for row in page.all("alert-row")]


def test_open_ones_come_first_the_worst_before(console: Console) -> None:
    """And those that somebody takes care of after those that nobody does."""
    old = console.fire(FAILS, "1", line="a")
    critical = console.fire(FAILS.model_copy(update={"severity": "critical"}), "2", line="b")
    taken = console.fire(FAILS.model_copy(update={"severity": "critical"}), "3", line="c")
    over = console.fire(FAILS, "4", line="d")
    console.book.take(taken.id, life.acknowledge("key:kim"), FAILS, by="key:kim")
    console.book.take(over.id, life.resolve(), FAILS)
    kim = console.visitor()
    page = kim.get("/alerts")
    assert rows(page) == [critical.id, old.id, taken.id]
    assert [row["data-alert"] for row in page.all("alert-closed-row")] == [over.id]
    assert kim.get("/alerts/count").text.strip() == "3"
    assert page.all("alert-count"), "the menu has no place for the number of open alerts"


def test_alerts_of_other_plants_are_not_shown(console: Console) -> None:
    """Nor those of several plants to whoever may not read at all of them."""
    here, there, several = console.fire(FAILS), console.fire(AUSTIN, plant="austin"), console.fire(AUSTIN, plant=None)
    kim, boss = console.visitor(), console.visitor(Role.SUPERVISOR, "*")
    assert rows(kim.get("/alerts")) == [here.id]
    assert set(rows(boss.get("/alerts"))) == {here.id, there.id, several.id}
    assert set(rows(boss.get("/alerts?plant=munich"))) == {here.id, several.id}
    for path in (
        f"/alerts/{there.id}",
        f"/alerts/{there.id}/detail",
        f"/alerts/{there.id}/resolve",
        "/alerts/nonsense",
    ):
        assert kim.client.get(path).status_code == 404
    assert kim.post(f"/alerts/{there.id}/resolve").status_code == 404
    assert console.book.alert(there.id).record.open


def test_the_second_supervisor_is_told_who_was_first(console: Console) -> None:
    """No error: nothing has to be done any more."""
    alert = console.fire(FAILS)
    kim, lee = console.visitor(), console.visitor()
    asked = kim.get(f"/alerts/{alert.id}/acknowledge")
    assert asked.all("alert-note")
    first = kim.post(f"/alerts/{alert.id}/acknowledge", {"note": " On my way <script>alert(1)</script> "})
    assert first.status_code == 204
    assert "alerts-changed" in first.headers["HX-Trigger"]
    second = lee.post(f"/alerts/{alert.id}/acknowledge", {"note": "me too"})
    assert second.status_code == 204
    said = toast(second)
    held = console.book.alert(alert.id).record
    assert said["kind"] == "info"
    assert kim.subject.removeprefix("key:") in said["text"]
    assert (held.acknowledged_by, held.note) == (kim.subject, "On my way <script>alert(1)</script>")
    page = lee.client.get("/alerts").text
    assert "On my way &lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "Damaged &lt;i&gt;labels" in page
    # Acknowledging is told to lights; what the second one did is not.
    assert [change.step for _, change in console.book.log()] == ["fired", "acknowledged"]


def test_what_is_over_is_over(console: Console) -> None:
    """Whoever resolves it again is told by whom it was."""
    alert = console.fire(FAILS)
    kim, lee = console.visitor(), console.visitor()
    assert toast(kim.post(f"/alerts/{alert.id}/resolve", {"note": "gripper adjusted"}))["kind"] == "ok"
    said = toast(lee.post(f"/alerts/{alert.id}/acknowledge"))
    assert said["kind"] == "info"
    assert kim.subject.removeprefix("key:") in said["text"]
    assert kim.post(f"/alerts/{alert.id}/resolve", {"note": "x" * 1025}).status_code == 422


def test_who_may_only_look_has_no_buttons(console: Console) -> None:
    """An operator sees alerts, and is refused."""
    alert = console.fire(FAILS)
    max_ = console.visitor(Role.OPERATOR)
    page = max_.get("/alerts")
    assert rows(page) == [alert.id]
    assert not page.all("alert-ack")
    assert not page.all("alert-resolve")
    assert not max_.get(f"/alerts/{alert.id}").all("alert-ack")
    assert max_.post(f"/alerts/{alert.id}/acknowledge").status_code == 403
    assert console.book.alert(alert.id).record.state == "firing"
    assert console.visitor().get("/alerts").all("alert-ack")
    assert console.visitor(Role.CAMERA).client.get("/alerts").status_code == 403


def test_one_alert_with_its_history_and_messages(console: Console) -> None:
    """Steps of others, and messages about others, are not shown."""
    console.subscribe(FAILS)
    alert, other = console.fire(FAILS, line="a"), console.fire(FAILS, "img-2", line="b")
    console.book.take(alert.id, life.escalate, FAILS)
    kim = console.visitor()
    kim.post(f"/alerts/{alert.id}/acknowledge", {"note": "coming"})
    for lane in console.outbox.due(9):
        while (claimed := console.outbox.claim(lane, lease_s=60)) is not None:
            assert claimed.message is not None
            delivery = Delivery(
                message=claimed.id,
                subscription="fails",
                channel="light",
                step=claimed.message.change.step,
                alert=claimed.message.change.alert,
                attempt=1,
                outcome="delivered",
                status="taken",
                seconds=0.1,
                time=now(),
            )
            console.outbox.done(claimed, delivery)
    page = kim.get(f"/alerts/{alert.id}")
    assert [step["data-step"] for step in page.all("alert-step")] == ["acknowledged", "escalated", "fired"]
    assert "coming" in page.text
    assert page.text.count("delivered") == 2  # fired and acknowledged; escalated has no channel
    assert [step["data-step"] for step in kim.get(f"/alerts/{other.id}/detail").all("alert-step")] == ["fired"]
    evidence = page.all("alert-evidence")
    assert [one["href"] for one in evidence] == ["/parts/munich/img-1"]
