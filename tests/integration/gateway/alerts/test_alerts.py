"""Alerts over HTTP on a real Redis: who sees them, who takes care of them, and what the second one is told."""

import threading
from typing import Any

import anyio.from_thread
import pytest

from deploy.local.redis import RedisServer
from services.gateway.alerts.desk import AlertDesk
from shared.settings import RedisSettings
from tests.unit.services.gateway.door import Door
from tests.unit.services.gateway.test_app import problem
from tests.unit.shared.auth.provider import Provider

pytestmark = pytest.mark.redis


def listed(door: Door, token: str, **query: Any) -> list[str]:
    """The parts whose alerts are shown."""
    told = door.request("GET", "/v1/alerts", token, params=query)
    assert told.status_code == 200, told.text
    return [alert["summary"].split()[1] for alert in told.json()["alerts"]]


def test_an_alert_is_read_acknowledged_and_resolved(door: Door, plant: Any) -> None:
    """With notes, which stay text; each step shows who and when."""
    token, who = door.key("supervisor"), "key:"
    alert = plant.fails("p1").record.id
    read = door.request("GET", f"/v1/alerts/{alert}", token)
    assert read.json()["state"] == "firing"
    assert read.headers["etag"] == f'"{read.json()["revision"]}"'
    same = {"If-None-Match": read.headers["etag"]}
    assert door.request("GET", f"/v1/alerts/{alert}", token, headers=same).status_code == 304
    note = "<script>alert('x')</script> & <b>printer</b>"
    taken = door.request("POST", f"/v1/alerts/{alert}/acknowledge", token, json={"note": note})
    assert taken.status_code == 200, taken.text
    assert taken.headers["content-type"] == "application/json"
    assert (taken.json()["state"], taken.json()["note"]) == ("acknowledged", note)
    assert taken.json()["acknowledged_by"].startswith(who)
    assert listed(door, token) == listed(door, token, state="acknowledged") == ["p1"]
    assert listed(door, token, state="firing") == []
    over = door.request("POST", f"/v1/alerts/{alert}/resolve", token)
    assert (over.json()["state"], over.json()["note"]) == ("resolved", note)
    assert listed(door, token) == []
    assert listed(door, token, state="resolved") == listed(door, token, state="any") == ["p1"]
    refused = door.request("POST", f"/v1/alerts/{alert}/acknowledge", token)
    problem(refused, 409, "alert-resolved")
    assert refused.json()["by"] == over.json()["resolved_by"]
    assert refused.json()["at"] == over.json()["resolved"]


def test_of_two_who_acknowledge_at_once_one_is_told_of_the_other(door: Door, plant: Any) -> None:
    """One 200, and 409 with who and when for all the others."""
    alert = plant.fails("p1").record.id
    tokens = [door.key("supervisor") for _ in range(6)]
    together = threading.Barrier(len(tokens))
    answers: dict[str, Any] = {}

    def acknowledge(token: str) -> None:
        async def send() -> Any:
            headers = {"Authorization": f"Bearer {token}"}
            return await door._http.post(f"/v1/alerts/{alert}/acknowledge", headers=headers)

        together.wait()
        answers[token] = door._portal.call(send)

    threads = [threading.Thread(target=acknowledge, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [token for token, answer in answers.items() if answer.status_code == 200]
    told = answers.pop(winner).json()
    assert told["acknowledged_by"] == f"key:{winner[3:11]}"
    for answer in answers.values():
        problem(answer, 409, "already-acknowledged")
        assert (answer.json()["by"], answer.json()["at"]) == (told["acknowledged_by"], told["acknowledged"])
        assert told["acknowledged_by"] in answer.json()["detail"]


def test_each_plant_sees_its_own(door: Door, plant: Any) -> None:
    """Alerts of another plant do not exist; those of none are for whoever is at every plant."""
    home = plant.fails("p1")
    abroad = plant.fails("p2", "puebla", name="puebla-fails")
    everywhere = plant.fails("p3", None, name="all-fails")
    munich, puebla, both = (
        door.key("engineer"),
        door.key("engineer", plants=("puebla",)),
        door.key("engineer", plants=("*",)),
    )
    assert listed(door, munich) == ["p1"]
    assert listed(door, puebla) == ["p2"]
    assert sorted(listed(door, both)) == ["p1", "p2", "p3"]
    assert listed(door, munich, plant="puebla") == []
    assert listed(door, both, plant="puebla") == ["p2"]
    unknown = door.request("GET", "/v1/alerts/none", munich)
    for held in (abroad, everywhere):
        foreign = door.request("GET", f"/v1/alerts/{held.record.id}", munich)
        assert (foreign.status_code, foreign.text) == (404, unknown.text)
        for step in ("acknowledge", "resolve"):
            problem(door.request("POST", f"/v1/alerts/{held.record.id}/{step}", munich), 404, "alert-unknown")
    assert door.request("POST", f"/v1/alerts/{home.record.id}/resolve", puebla).status_code == 404
    assert {held["state"] for held in door.request("GET", "/v1/alerts", both).json()["alerts"]} == {"firing"}
    assert door.request("POST", f"/v1/alerts/{everywhere.record.id}/resolve", both).status_code == 200


def test_what_is_asked_for_is_shown(door: Door, plant: Any) -> None:
    """By state, subscription and count; what is not understood is told."""
    token = door.key("operator")
    for number in range(4):
        plant.fails(f"p{number}", line=f"line-{number}")
    plant.fails("other", name="others")
    assert listed(door, token, subscription="others") == ["other"]
    assert listed(door, token, count=2, subscription="fails") == ["p3", "p2"]
    assert listed(door, token, severity="critical") == []
    assert len(listed(door, token, condition="each_fail")) == 5
    for query in ({"state": "over"}, {"count": 0}, {"plant": "Munich"}, {"planet": "earth"}):
        problem(door.request("GET", "/v1/alerts", token, params=query), 422, "invalid-request")


def test_a_step_may_say_what_it_is_based_on(door: Door, plant: Any) -> None:
    """Then a part that joined meanwhile is a conflict; without it the step is taken."""
    token = door.key("supervisor")
    path = f"/v1/alerts/{plant.fails('p1').record.id}"
    tag = door.request("GET", path, token).headers["etag"]
    plant.fails("p2")
    stale = door.request("POST", f"{path}/acknowledge", token, headers={"If-Match": tag})
    problem(stale, 412, "revision-conflict")
    now = {"If-Match": stale.headers["etag"]}
    assert door.request("POST", f"{path}/acknowledge", token, headers=now).status_code == 200
    plant.fails("p3")
    assert door.request("POST", f"{path}/resolve", token, headers={"If-Match": "*"}).status_code == 200


def test_what_joins_between_look_and_step_is_a_conflict(
    door: Door, plant: Any, desk: AlertDesk, monkeypatch: Any
) -> None:
    """The revision that was checked is the one that is changed."""
    token = door.key("supervisor")
    path = f"/v1/alerts/{plant.fails('p1').record.id}"
    tag, read = door.request("GET", path, token).headers["etag"], desk._kept.desk.subscription

    def joins_meanwhile(name: str) -> Any:
        monkeypatch.undo()
        plant.fails("p2")
        return read(name)

    monkeypatch.setattr(desk._kept.desk, "subscription", joins_meanwhile)
    stale = door.request("POST", f"{path}/acknowledge", token, headers={"If-Match": tag})
    problem(stale, 412, "revision-conflict")
    assert door.request("GET", path, token).json()["state"] == "firing"


def test_a_wrong_step_changes_nothing(door: Door, plant: Any) -> None:
    """A note of two lines or too long, a field that is not there, a body that is none."""
    token = door.key("supervisor")
    path = f"/v1/alerts/{plant.fails('p1').record.id}"
    for body in ({"note": "two\nlines"}, {"note": "x" * 1025}, {"nota": "x"}, {"note": 5}):
        problem(door.request("POST", f"{path}/acknowledge", token, json=body), 422, "invalid-request")
    too_long = door.request("POST", f"{path}/resolve", token, content=b'"' * 20_000)
    problem(too_long, 413, "body-too-large")
    problem(door.request("POST", f"{path}/resolve", door.key("operator")), 403, "forbidden")
    assert door.request("GET", path, token).json()["state"] == "firing"


def test_redis_away_and_back(portal: anyio.from_thread.BlockingPortal, provider: Provider, tmp_path: Any) -> None:
    """503 with Retry-After and nothing of the server in the answer; and all is well when it is back."""
    with RedisServer(tmp_path / "redis") as server:
        settings = RedisSettings.model_validate({"url": server.url, "timeout_s": 1.0})
        with AlertDesk(settings) as desk:
            door = Door(portal, provider, tmp_path, alerts=desk)
            token = door.key("engineer", "camera")
            assert door.request("GET", "/v1/alerts", token).json() == {"alerts": []}
            server.kill()
            for path in ("/v1/alerts", "/v1/subscriptions", "/v1/silences", "/v1/alerts/stream"):
                answer = door.request("GET", path, token)
                problem(answer, 503, "registry-away")
                assert int(answer.headers["retry-after"]) > 0
                assert str(server.port) not in answer.text
            assert len(desk.feed) == 0
            assert door.ask(("post", "/v1/images"), token).status_code == 202
            server.start()
            assert door.request("GET", "/v1/alerts", token).status_code == 200
