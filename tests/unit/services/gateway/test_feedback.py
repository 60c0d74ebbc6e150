"""`POST /v1/feedback`, answer by answer. Who may is in test_access.py."""

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest

from services.answers import DeadPhoto
from services.gateway.feedback_desk import FeedbackDesk
from services.gateway.json_body import MAX_BYTES
from services.gateway.submissions import BacklogError
from services.gateway.verdict_cache import Judged as Answered
from shared.bus.publisher import PublishFailed
from shared.events import Feedback, Judged
from tests.unit.services.gateway.door import ABROAD, HOME, Door
from tests.unit.services.gateway.test_app import Client, client, portal, problem, verdict
from tests.unit.services.labels.parts import feedback

__all__ = ["client", "portal"]
"""Fixtures that another module of tests has."""


def give(client: Client, **body: Any) -> Any:
    """Send it; a false alarm on photo p-1 where nothing else is said."""
    return client.request("POST", "/v1/feedback", json={"image": "p-1", "finding": "false_alarm"} | body)


def put(client: Client, image: str = "p-1") -> Any:
    """A failed verdict that the gateway knows."""
    made = verdict(image)
    client.verdicts.put(image, Answered.of(made))
    return made


def test_the_gateway_fills_in_what_it_knows(client: Client) -> None:
    """Address, verdict and who; the answer names the event that Kafka holds."""
    made = put(client)
    answer = give(client, note="film")
    assert answer.status_code == 202
    (event,) = client.publisher.events
    assert isinstance(event, Feedback)
    assert answer.json() == {"id": event.id, "image": "p-1", "part": made.part, "finding": "false_alarm"}
    assert event.carried() == made.carried()
    assert (event.by, event.note, event.judged) == ("anyone", "film", Judged.of(made))


def test_a_repetition_is_one_event_and_a_change_of_mind_another(client: Client) -> None:
    """Also back to the first word, which then is the latest again."""
    put(client)
    first, again = give(client), give(client)
    assert first.json() == again.json()
    other, back = give(client, finding="confirmed_damage"), give(client)
    assert len({answer.json()["id"] for answer in (first, other, back)}) == 3
    assert [event.finding for event in client.publisher.events] == ["false_alarm", "confirmed_damage", "false_alarm"]


def test_what_does_not_fit_the_verdict_is_409(client: Client) -> None:
    """Nothing is published."""
    put(client)
    place = {"plant": "munich", "line": "line-1"}
    for body in (
        {"finding": "missed_damage"},
        {"finding": "confirmed_good"},
        {"part": "other", "place": place},
        {"part": "4711-1", "place": place | {"line": "line-2"}},
    ):
        problem(give(client, **body), 409, "feedback-contradicts-verdict")
    assert client.publisher.events == []
    assert give(client, part="4711-1", place=place).status_code == 202


def test_a_verdict_that_is_not_known(client: Client) -> None:
    """404, as for verdicts; 503 while it may be there unread; by its address it goes to the labels worker."""
    problem(give(client), 404, "verdict-unknown")
    client.current = False
    problem(give(client), 503, "not-current")
    client.verdicts.put("p-2", DeadPhoto("p-2", "damaged file", "linegate.images.dlq", "munich"))
    problem(give(client, image="p-2"), 422, "photo-set-aside")
    assert client.publisher.events == []
    place = {"plant": "munich", "line": "line-1", "station": "st-40"}
    assert give(client, part="4711-1", place=place).status_code == 202
    (event,) = client.publisher.events
    assert isinstance(event, Feedback)
    assert (event.judged, event.part, event.station) == (None, "4711-1", "st-40")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b'{"image": "p-1"}', b'{"image": "p-1", "finding": "fine"}', b'{"image": "", "finding": 1}',
        b'{"image": "p-1", "finding": "false_alarm", "by": "somebody else"}',
        b'{"image": "p-1", "finding": "false_alarm", "part": "4711-1"}',
        b'{"image": "p-1", "finding": "false_alarm", "note": "' + b"x" * 1025 + b'"}',
        b'{"image": "p\\u0000", "finding": "false_alarm"}', b"\xff\xfe",
    ],
)  # fmt: skip
def test_a_body_that_is_wrong_is_422(client: Client, content: bytes) -> None:
    """With one entry per field; nobody says in whose name they speak."""
    put(client)
    body = problem(client.request("POST", "/v1/feedback", content=content), 422, "invalid-request")
    assert body["errors"]
    assert client.publisher.events == []


def test_a_body_without_end_is_413(client: Client) -> None:
    """Not a megabyte of it is kept."""
    problem(client.request("POST", "/v1/feedback", content=b" " * (MAX_BYTES + 1)), 413, "body-too-large")


def test_kafka_away_is_503_and_a_retry_is_a_new_attempt(client: Client) -> None:
    """Whether Kafka refused or kept silent."""
    put(client)
    client.publisher.fails = PublishFailed("Kafka did not take the event")
    problem(give(client), 503, "kafka-away")
    client.publisher.fails = None
    assert give(client).status_code == 202
    assert len(client.publisher.events) == 2
    client.publisher.silent = True
    problem(give(client, note="more"), 503, "kafka-away")
    problem(give(client, note="more"), 503, "kafka-away")
    assert len(client.publisher.events) == 3, "the attempt under way is waited for, not doubled"


def test_an_address_abroad_is_refused(door: Door) -> None:
    """Naming a plant gives no right there, and `by` is the key's id."""
    operator = door.key("operator")
    body = {"image": "old", "finding": "missed_damage", "part": "4711-1"}
    for plant, status in ((ABROAD, 403), (HOME, 202)):
        place = {"plant": plant, "line": "line-1"}
        assert door.request("POST", "/v1/feedback", operator, json=body | {"place": place}).status_code == status
    (event,) = door.publisher.events
    assert isinstance(event, Feedback)
    assert event.by == f"key:{operator.split('_')[1]}"


def test_the_desk_takes_only_so_much_at_once_and_forgets() -> None:
    """A Kafka that does not answer fills no memory."""
    pending: list[Future[Any]] = []

    def publish(_: Feedback) -> Future[Any]:
        pending.append(Future())
        return pending[-1]

    async def scenario() -> None:
        desk = FeedbackDesk(publish, capacity=2, backlog=2)
        for name in "12":
            with pytest.raises(TimeoutError):
                await desk.give(feedback(name), timeout_s=0.01)
        with pytest.raises(BacklogError):
            await desk.give(feedback("3"), timeout_s=0.01)
        for future in pending:
            future.set_result(None)
        for name in "123":
            publishing = asyncio.create_task(desk.give(feedback(name), timeout_s=5))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if not pending[-1].done():
                pending[-1].set_result(None)
            assert (await publishing).image == f"photo-{name}"
        assert len(pending) == 3
        assert len(desk._words) == 2

    asyncio.run(scenario())
