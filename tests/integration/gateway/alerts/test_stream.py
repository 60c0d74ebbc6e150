"""The stream of alerts over a real connection, on a real Redis."""

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio.from_thread
import httpx
import pytest

from deploy.local.redis import RedisServer
from services.gateway.alerts import feed as feeds
from services.gateway.alerts.desk import AlertDesk
from services.gateway.alerts.feed import AlertFeed
from services.gateway.redis_pool import THREADS
from shared.alerts import life
from shared.http_server import HttpServer
from shared.settings import RedisSettings
from tests.integration.gateway.alerts.conftest import Plant
from tests.unit.services.gateway.door import Door
from tests.unit.services.gateway.test_app import problem
from tests.unit.shared.auth.provider import Provider

pytestmark = pytest.mark.redis
PATIENCE = 30.0
BEAT = 0.2


class Stream:
    """One client: events as they come, comments counted, whether it ended, and whether by the last chunk of HTTP."""

    def __init__(self, url: str, token: str, *, last: str | None = None, **query: str) -> None:
        headers = {"Authorization": f"Bearer {token}", **({} if last is None else {"Last-Event-ID": last})}
        self.events: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        self.ended, self.connected = threading.Event(), threading.Event()
        self.beats, self.last, self.in_order = 0, last, False
        self._client = httpx.Client(timeout=PATIENCE)
        request = self._client.build_request("GET", f"{url}/v1/alerts/stream", headers=headers, params=query)
        self.response = self._client.send(request, stream=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        if self.response.status_code == 200:
            self._thread.start()
            assert self.connected.wait(PATIENCE)

    def _read(self) -> None:
        identity, kind = "", ""
        try:
            for line in self.response.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    identity = value
                elif name == "event":
                    kind = value
                elif name == "data":
                    assert kind == "alert"
                    self.events.put((identity, json.loads(value)))
                elif line == ":":
                    self.beats += 1
                elif not line:
                    self.last, kind = identity, ""
                    self.connected.set()
            self.in_order = True
        except httpx.TransportError:
            pass
        self.ended.set()

    def part(self) -> str:
        """The part of the next event."""
        return str(self.events.get(timeout=PATIENCE)[1]["summary"]).split()[1]

    def close(self) -> None:
        """Hang up."""
        self.response.close()
        self._client.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


Listen = Callable[..., Stream]


@pytest.fixture(autouse=True)
def _quick_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the end of a wait for the log."""
    monkeypatch.setattr(feeds, "WAIT_SECONDS", 0.1)


@pytest.fixture
def desk(settings: RedisSettings) -> Iterator[AlertDesk]:
    """One whose streams beat quickly."""
    with AlertDesk(settings) as desk:
        desk.feed = AlertFeed(desk._kept.book, heartbeat_s=BEAT)
        yield desk
        desk.feed.close()


@pytest.fixture
def server(door: Door) -> Iterator[HttpServer]:
    """That gateway, served."""
    with HttpServer(door.app, host="127.0.0.1", port=0, section="gateway", grace_s=20) as server:
        yield server


@pytest.fixture
def listen(server: HttpServer, desk: AlertDesk) -> Iterator[Listen]:
    """Open streams; all are closed with the test, and the gateway knows of none afterwards."""
    opened: list[Stream] = []

    def listen(token: str, **more: Any) -> Stream:
        opened.append(Stream(server.url, token, **more))
        return opened[-1]

    yield listen
    for stream in opened:
        stream.close()
    until(lambda: len(desk.feed) == 0)


def test_steps_come_as_they_are_made(door: Door, listen: Listen, plant: Plant, desk: AlertDesk) -> None:
    """Every step of what one may read, with its id; and a sign of life in between."""
    stream = listen(door.key("operator"))
    assert stream.response.headers["content-type"].startswith("text/event-stream")
    assert stream.response.headers["cache-control"] == "no-store"
    held = plant.fails("p1")
    entry, told = stream.events.get(timeout=PATIENCE)
    assert (told["alert"], told["step"], told["plant"]) == (held.record.id, "fired", "munich")
    assert entry == desk._kept.book.latest_log_entry()
    desk._kept.book.take(held.record.id, life.acknowledge("kim", "<b>"), None, by="kim", note="<b>\n")
    entry, told = stream.events.get(timeout=PATIENCE)
    assert (told["step"], told["by"], told["note"]) == ("acknowledged", "kim", "<b>\n")
    beats = stream.beats
    until(lambda: stream.beats > beats + 1)


def test_only_what_one_may_read_leaves_a_trace(door: Door, listen: Listen, plant: Plant, desk: AlertDesk) -> None:
    """By plant; alerts of none are for those at every plant; and no id tells of another plant's alert."""
    plant.fails("before", "puebla", name="puebla")
    munich, both = listen(door.key("operator")), listen(door.key("operator", plants=("*",)))
    assert munich.last not in (None, desk._kept.book.latest_log_entry())
    chosen = listen(door.key("operator", plants=("*",)), plant="puebla", subscription="puebla")
    plant.fails("p1", "puebla", name="puebla", line="a")
    plant.fails("p2", None, name="all")
    plant.fails("p3")
    assert [both.part() for _ in range(3)] == ["p1", "p2", "p3"]
    assert munich.part() == "p3"
    assert chosen.part() == "p1"
    assert munich.events.empty()
    assert chosen.events.empty()


def test_who_comes_again_misses_nothing(door: Door, listen: Listen, plant: Plant, monkeypatch: Any) -> None:
    """With the last id, be it of an event or of the beginning; each step once; however many there were."""
    monkeypatch.setattr("services.gateway.alerts.stream.PAGE", 3)
    token = door.key("operator")
    first = listen(token)
    begun = first.last
    plant.fails("p0")
    entry, _ = first.events.get(timeout=PATIENCE)
    first.close()
    parts = [f"p{number}" for number in range(1, 9)]
    for part in parts:
        plant.fails(part, line=part)
    going = threading.Event()

    def go_on() -> None:
        for number in range(9, 40):
            plant.fails(f"p{number}", line=f"p{number}")
            going.set()

    adding = threading.Thread(target=go_on)
    adding.start()
    assert going.wait(PATIENCE)
    second, third = listen(token, last=entry), listen(token, last=begun)
    adding.join()
    every = [f"p{number}" for number in range(40)]
    assert [second.part() for _ in every[1:]] == every[1:]
    assert [third.part() for _ in every] == every
    assert second.events.empty()


def test_an_id_of_the_future_is_the_present(door: Door, listen: Listen, plant: Plant) -> None:
    """E.g. of a Redis that was put back from a backup; and what is no id is told."""
    token = door.key("operator")
    stream = listen(token, last="9999999999999-0")
    plant.fails("p1")
    assert stream.part() == "p1"
    for wrong in ("x", "1", "1-", "-", "1-1-1", "٣-٣", "1" * 30 + "-0"):
        answer = door.request("GET", "/v1/alerts/stream", token, headers={"Last-Event-ID": wrong.encode()})
        problem(answer, 400, "invalid-last-event-id")


def test_a_key_that_is_revoked_ends_its_stream(door: Door, listen: Listen, plant: Plant) -> None:
    """At the next beat; others go on."""
    revoked = listen(door.key("operator"))
    door.keys_file.write_text("")
    stays = listen(door.key("operator"))
    assert revoked.ended.wait(PATIENCE)
    assert not stays.ended.is_set()
    plant.fails("p1")
    assert stays.part() == "p1"


def test_streams_are_bounded(door: Door, listen: Listen, server: HttpServer, monkeypatch: Any) -> None:
    """In all and of one caller; a place is free again when one hangs up, and nothing else waits meanwhile."""
    monkeypatch.setattr(feeds, "STREAMS", 3)
    monkeypatch.setattr(feeds, "STREAMS_OF_ONE", 2)
    one, other = door.key("operator"), door.key("operator")
    mine = [listen(one), listen(one)]

    def refused(token: str) -> bool:
        stream = Stream(server.url, token)
        stream.response.read() if stream.response.status_code != 200 else None
        stream.close()
        return stream.response.status_code == 503

    assert refused(one)
    listen(other)
    assert refused(other)
    mine[0].close()
    until(lambda: not refused(other))
    until(lambda: not refused(other))


def test_a_slow_stream_ends_and_nothing_is_lost(door: Door, listen: Listen, plant: Plant, monkeypatch: Any) -> None:
    """Whoever lags too far behind comes again with the last id."""
    token = door.key("operator")
    slow = listen(token)
    monkeypatch.setattr(feeds, "LAG", 0)
    plant.fails("p1")
    assert slow.ended.wait(PATIENCE)
    monkeypatch.setattr(feeds, "LAG", 1000)
    again = listen(token, last=slow.last)
    assert again.part() == "p1"


def test_a_gateway_that_stops_ends_its_streams(door: Door, listen: Listen, desk: AlertDesk, server: HttpServer) -> None:
    """In order: the client sees an end, not a broken connection, and the next one is sent away."""
    token = door.key("operator")
    stream = listen(token)
    desk.feed.close()
    assert stream.ended.wait(PATIENCE)
    assert stream.in_order
    answer = httpx.get(f"{server.url}/v1/alerts/stream", headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE)
    problem(answer, 503, "stopping")


def test_redis_away_and_back(portal: anyio.from_thread.BlockingPortal, provider: Provider, tmp_path: Any) -> None:
    """The stream lives on, and tells what comes when Redis is back."""
    with RedisServer(tmp_path / "redis") as running:
        settings = RedisSettings.model_validate({"url": running.url, "timeout_s": 1.0})
        with AlertDesk(settings) as desk:
            desk.feed = AlertFeed(desk._kept.book, heartbeat_s=BEAT)
            door = Door(portal, provider, tmp_path, alerts=desk)
            with (
                HttpServer(door.app, host="127.0.0.1", port=0, section="gateway", grace_s=20) as server,
                contextlib.closing(Stream(server.url, door.key("operator"))) as stream,
            ):
                running.kill()
                until(lambda: desk.feed._hurdle is not None)
                beats = stream.beats
                until(lambda: stream.beats > beats)
                running.start()
                Plant(desk).fails("p1")
                assert stream.part() == "p1"
                desk.feed.close()


def test_one_thread_follows_for_all(door: Door, listen: Listen, plant: Plant) -> None:
    """However many streams there are: none of them holds a thread."""
    before = set(threading.enumerate())
    streams = [listen(door.key("operator")) for _ in range(2 * THREADS)]
    plant.fails("p1")
    assert {stream.part() for stream in streams} == {"p1"}
    names = [thread.name for thread in set(threading.enumerate()) - before]
    assert names.count("alert-feed") == 1
    assert sum(name.startswith("alerts_") for name in names) <= THREADS
