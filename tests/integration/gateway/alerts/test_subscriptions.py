"""Subscriptions and their channels over HTTP on a real Redis."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.gateway.alerts.desk import AlertDesk
from shared.alerts.delivery import Delivery
from shared.alerts.outbox import Outbox
from shared.alerts.records import Message
from shared.events import now
from shared.settings import RedisSettings
from tests.unit.services.gateway.door import Door
from tests.unit.services.gateway.test_app import problem

pytestmark = pytest.mark.redis
ONE = "/v1/subscriptions/damage"
NEW = {"If-None-Match": "*"}
WANTED: dict[str, Any] = {
    "scope": "munich/line-1",
    "condition": {"kind": "fails_in_window", "fails": 3, "minutes": 10},
    "channels": [
        {"kind": "webhook", "name": "hook", "url": "https://hooks.example.com/T0/secret-path"},
        {"kind": "email", "name": "mail", "to": ["shift@example.com"]},
    ],
    "escalation": {"channels": [{"kind": "webhook", "name": "boss", "url": "https://boss.example.com"}]},
}
Put = Callable[..., httpx.Response]


@pytest.fixture
def put(door: Door) -> Put:
    """Put the subscription, changed by `more`, as somebody."""

    def put(token: str, headers: dict[str, str] | None = None, path: str = ONE, **more: Any) -> httpx.Response:
        return door.request("PUT", path, token, headers=NEW if headers is None else headers, json=WANTED | more)

    return put


def test_a_subscription_is_made_changed_and_removed(door: Door, put: Put) -> None:
    """Each change by the tag of what was seen; what GET answers may be sent back."""
    token = door.key("supervisor")
    made = put(token)
    assert made.status_code == 201, made.text
    told = made.json()["subscription"]
    assert (told["id"], told["scope"], told["owner"]) == ("damage", "munich/line-1/*/*/*", f"key:{token[3:11]}")
    read = door.request("GET", ONE, token)
    assert (read.json(), read.headers["etag"]) == (told, made.headers["etag"])
    again = door.request("GET", ONE, token, headers={"If-None-Match": read.headers["etag"]})
    assert again.status_code == 304
    other = door.key("engineer")
    changed = put(other, {"If-Match": read.headers["etag"]}, **read.json() | {"title": "<i>Damage</i>"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["subscription"]["owner"] == f"key:{other[3:11]}"
    assert changed.json()["subscription"]["title"] == "<i>Damage</i>"
    listed = door.request("GET", "/v1/subscriptions", token).json()["subscriptions"]
    assert listed == [changed.json()["subscription"]]
    for method in ("PUT", "DELETE"):
        arguments = {"json": WANTED} if method == "PUT" else {}
        problem(door.request(method, ONE, token, **arguments), 428, "precondition-required")
        stale = door.request(method, ONE, token, headers={"If-Match": read.headers["etag"]}, **arguments)
        problem(stale, 412, "revision-conflict")
        assert stale.headers["etag"] == changed.headers["etag"]
    problem(put(token), 412, "revision-conflict")
    gone = door.request("DELETE", ONE, token, headers={"If-Match": changed.headers["etag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    problem(door.request("GET", ONE, token), 404, "subscription-unknown")
    problem(door.request("DELETE", ONE, token, headers={"If-Match": "*"}), 404, "subscription-unknown")
    problem(put(token, {"If-Match": "*"}), 412, "revision-conflict")


def test_both_the_old_and_the_new_place_must_be_ones_own(door: Door, put: Put) -> None:
    """Nobody subscribes at, moves to or takes over from another plant; every plant is for those at every plant."""
    munich, puebla, both = (door.key("supervisor", plants=(plant,)) for plant in ("munich", "puebla", "*"))
    for scope in ("puebla", "*", "munich-2/line-1", "*/line-1"):
        problem(put(munich, scope=scope), 403, "forbidden")
    tag = put(munich).headers["etag"]
    for scope in ("puebla/line-1", "*"):
        problem(put(munich, {"If-Match": tag}, scope=scope), 403, "forbidden")
    # To those of another plant it is as if there were none, but for its id.
    problem(put(puebla, scope="puebla"), 409, "id-taken")
    unseen = put(puebla, {"If-Match": tag}, scope="puebla")
    absent = put(puebla, {"If-Match": tag}, "/v1/subscriptions/nothing", scope="puebla")
    problem(unseen, 412, "revision-conflict")
    assert (unseen.text, unseen.headers.get("etag")) == (absent.text, None)
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/deliveries"),
        ("POST", "/channels/hook/test"),
        ("POST", "/channels/hook/secret"),
        ("POST", "/channels/hook/enable"),
    ):
        headers = {"If-Match": tag} if method == "DELETE" else {}
        foreign = door.request(method, f"{ONE}{path}", puebla, headers=headers)
        unknown = door.request(method, f"/v1/subscriptions/nothing{path}", puebla, headers=headers)
        problem(foreign, 404, "subscription-unknown")
        assert foreign.text.replace("damage", "nothing") == unknown.text
    assert door.request("GET", "/v1/subscriptions", puebla).json() == {"subscriptions": []}
    moved = put(both, {"If-Match": tag}, scope="*")
    assert moved.status_code == 200
    assert door.request("GET", "/v1/subscriptions", munich).json() == {"subscriptions": []}
    problem(put(munich, {"If-Match": moved.headers["etag"]}), 412, "revision-conflict")


def test_who_may_not_change_it_sees_where_webhooks_lead_only(door: Door, put: Put) -> None:
    """Many a path is a password."""
    token = door.key("supervisor")
    put(token)
    hook = door.request("GET", ONE, token).json()["channels"][0]["url"]
    assert hook == "https://hooks.example.com/T0/secret-path"
    seen = door.request("GET", ONE, door.key("operator"))
    assert seen.json()["channels"][0]["url"] == "https://hooks.example.com/…"
    assert seen.json()["escalation"]["channels"][0]["url"] == "https://boss.example.com"
    assert "secret-path" not in door.request("GET", "/v1/subscriptions", door.key("operator")).text
    # What was not shown is not put back in its place.
    problem(put(token, {"If-Match": "*"}, **seen.json()), 422, "invalid-request")
    assert door.request("GET", ONE, token).json()["channels"][0]["url"] == hook


def test_what_is_wrong_is_told_by_field(door: Door, put: Put) -> None:
    """One line each, without the words of a validation library."""
    token = door.key("supervisor")
    bad = {
        "scope": "Munich",
        "condition": {"kind": "fails_in_window", "fails": 0, "minutes": 99999, "factor": 2},
        "channels": [
            {"kind": "webhook", "name": "hook", "url": "ftp://x"},
            {"kind": "email", "name": "mail", "to": ["nobody"]},
            {"kind": "pigeon", "name": "bird"},
        ],
        "hours": {"zone": "Mars"},
        "color": "red",
    }
    answer = put(token, **bad)
    problem(answer, 422, "invalid-request")
    told = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert told == {
        "scope": "'Munich' is no plant: a place is plant/line/station/layout/camera, `*` for any; missing ones at the "
        "end stand for any",
        "condition.fails": "must be greater than or equal to 1",
        "condition.minutes": "must be less than or equal to 1440",
        "condition.factor": "there is no such field",
        "channels[0].url": "a webhook's address is an http or https URL",
        "channels[1].to[0]": "'nobody' is no e-mail address",
        "channels[2].kind": "'pigeon' is none of webhook, email, mqtt",
        "hours.zone": "'Mars' is no time zone of the IANA database, e.g. Europe/Berlin",
        "color": "there is no such field",
    }
    for more, field in (
        ({"condition": {"kind": "never"}}, "condition.kind"),
        ({"condition": {"kind": "fail_rate"}, "group_by": ["part"]}, "request"),
        ({"id": "other"}, "id"),
    ):
        answer = put(token, **more)
        problem(answer, 422, "invalid-request")
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    for content in (b"", b"[]", b"{", b"5"):
        problem(door.request("PUT", ONE, token, headers=NEW, content=content), 422, "invalid-request")
    too_long = door.request("PUT", ONE, token, headers=NEW, content=b'"' * 70_000)
    problem(too_long, 413, "body-too-large")
    problem(put(token, path="/v1/subscriptions/Not A Name"), 422, "invalid-request")
    assert door.request("GET", "/v1/subscriptions", token).json() == {"subscriptions": []}


def test_what_will_surprise_is_warned_of(door: Door, put: Put) -> None:
    """Addresses that nothing is delivered to, webhooks without a secret, alerts that their owner will not see."""
    token = door.key("supervisor")
    assert len(put(token).json()["warnings"]) == 2  # two webhooks have no secret yet
    channels = [
        {"kind": "webhook", "name": f"hook-{number}", "url": url}
        for number, url in enumerate(
            (
                "http://10.0.0.1/x",
                "http://127.0.0.1",
                "http://[::1]:80/",
                "http://169.254.169.254/",
                "http://localhost/",
            )
        )
    ]
    for channel in channels:
        made = put(token, path=f"/v1/subscriptions/{channel['name']}", channels=[channel], escalation=None)
        assert made.status_code == 201
        address, secret = made.json()["warnings"]
        assert "nothing will be delivered there" in address
        assert "has no secret yet" in secret
        assert door.request("POST", f"/v1/subscriptions/{channel['name']}/channels/{channel['name']}/secret", token)
        made = put(
            token, {"If-Match": "*"}, f"/v1/subscriptions/{channel['name']}", channels=[channel], escalation=None
        )
        assert made.json()["warnings"] == [address]
    quiet = put(token, path="/v1/subscriptions/quiet", channels=[], escalation=None, group_by=["line"])
    (warning,) = quiet.json()["warnings"]
    assert warning.startswith("group_by: ")


def test_a_secret_is_shown_once(door: Door, put: Put, desk: AlertDesk) -> None:
    """And is in no other answer; mails have none."""
    token = door.key("supervisor")
    put(token)
    made = door.request("POST", f"{ONE}/channels/hook/secret", token)
    assert made.status_code == 200, made.text
    assert made.headers["cache-control"] == "no-store"
    secret = made.json()["secret"]
    assert secret == desk._kept.desk.secret("damage", "hook")
    for path in ("/v1/subscriptions", ONE, f"{ONE}/deliveries"):
        assert secret not in door.request("GET", path, token).text
    assert door.request("POST", f"{ONE}/channels/boss/secret", token).json()["secret"] != secret
    problem(door.request("POST", f"{ONE}/channels/mail/secret", token), 409, "no-webhook")
    problem(door.request("POST", f"{ONE}/channels/fax/secret", token), 404, "channel-unknown")
    problem(door.request("POST", f"{ONE}/channels/hook/secret", door.key("operator")), 403, "forbidden")


def test_a_channel_is_tested_and_what_was_given_up_is_sent_again(door: Door, put: Put, settings: RedisSettings) -> None:
    """The message lies in the outbox, its attempts in the log; only those who may put it back."""
    token, abroad = door.key("supervisor"), door.key("supervisor", plants=("puebla",))
    put(token)
    sent = door.request("POST", f"{ONE}/channels/mail/test", token)
    assert sent.status_code == 202, sent.text
    problem(door.request("POST", f"{ONE}/channels/fax/test", token), 404, "channel-unknown")
    log = door.request("GET", sent.json()["log"], token).json()
    assert [(one["channel"], one["messages"]) for one in log["waiting"]] == [("mail", 1)]
    message = sent.json()["message"]
    again = f"/v1/deliveries/{message}/redrive"
    with Outbox(settings) as outbox:
        claimed = outbox.claim("damage/mail", lease_s=60)
        assert claimed is not None
        assert claimed.message is not None
        assert claimed.message.test
        outbox.give_up(claimed, _failed(claimed.message))
        outbox.disable("damage", "mail", reason="no such box")
        log = door.request("GET", f"{ONE}/deliveries", door.key("operator")).json()
        assert log["waiting"] == []
        assert [(one["message"], one["outcome"], one["kept"]) for one in log["deliveries"]] == [
            (message, "failed", True)
        ]
        assert [(one["channel"], one["reason"]) for one in log["disabled"]] == [("mail", "no such box")]
        problem(door.request("POST", again, abroad), 404, "message-unknown")
        problem(door.request("POST", "/v1/deliveries/nothing/redrive", token), 404, "message-unknown")
        problem(door.request("POST", again, door.key("operator")), 403, "forbidden")
        assert outbox.claim("damage/mail", lease_s=60) is None
        assert door.request("POST", again, token).status_code == 202
        back = outbox.claim("damage/mail", lease_s=60)
        assert back is not None
        assert back.id == message
        assert door.request("POST", f"{ONE}/channels/mail/enable", token).status_code == 204
        assert outbox.disabled("damage") == {}


def _failed(message: Message) -> Delivery:
    return Delivery(
        message=message.id,
        subscription=message.subscription,
        channel=message.channel,
        step=message.change.step,
        alert=message.change.alert,
        attempt=1,
        outcome="failed",
        status="550 no such box",
        seconds=0.1,
        time=now(),
    )


def test_silences(door: Door) -> None:
    """Made by whoever may at the place, from now on unless told otherwise; those of every plant are shown to all."""
    munich, puebla, both = (door.key("supervisor", plants=(plant,)) for plant in ("munich", "puebla", "*"))
    one, wanted = "/v1/silences/service", {"scope": "munich/line-1", "end": "2999-01-01T00:00:00Z", "note": "<b>x</b>"}
    made = door.request("PUT", one, munich, headers=NEW, json=wanted)
    assert made.status_code == 201, made.text
    assert (made.json()["state"], made.json()["by"], made.json()["note"]) == (
        "active",
        f"key:{munich[3:11]}",
        "<b>x</b>",
    )
    everywhere = door.request("PUT", "/v1/silences/all", both, headers=NEW, json=wanted | {"scope": "*"})
    assert everywhere.status_code == 201
    past = {"scope": "munich", "begin": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}
    assert door.request("PUT", "/v1/silences/past", munich, headers=NEW, json=past).json()["state"] == "over"

    def listed(token: str, **query: Any) -> list[str]:
        return [held["id"] for held in door.request("GET", "/v1/silences", token, params=query).json()["silences"]]

    assert (listed(munich), listed(puebla), listed(both)) == (["all", "service"], ["all"], ["all", "service"])
    assert listed(munich, over=True) == ["all", "past", "service"]
    assert door.request("GET", "/v1/silences/all", puebla).status_code == 200
    problem(door.request("GET", one, puebla), 404, "silence-unknown")
    problem(door.request("PUT", one, puebla, headers=NEW, json=wanted | {"scope": "puebla"}), 409, "id-taken")
    for scope in ("puebla", "*"):
        answer = door.request("PUT", one, munich, headers={"If-Match": "*"}, json=wanted | {"scope": scope})
        problem(answer, 403, "forbidden")
    for token, path, status in (
        (puebla, one, 404),
        (munich, "/v1/silences/all", 403),
        (puebla, "/v1/silences/no", 404),
    ):
        assert door.request("DELETE", path, token, headers={"If-Match": "*"}).status_code == status
    answer = door.request("PUT", "/v1/silences/x", munich, headers=NEW, json=wanted | {"end": "2020-01-01T00:00:00Z"})
    problem(answer, 422, "invalid-request")
    assert answer.json()["errors"] == [{"field": "request", "message": "a silence ends after it begins"}]
    for more in ({"end": "soon"}, {"conditions": ["none"]}, {"colour": 1}):
        answer = door.request("PUT", "/v1/silences/x", munich, headers=NEW, json=wanted | more)
        problem(answer, 422, "invalid-request")
    assert door.request("DELETE", one, munich, headers={"If-Match": made.headers["etag"]}).status_code == 204
    assert listed(munich) == ["all"]
