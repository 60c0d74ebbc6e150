"""A real gateway process between a real HTTP client and real Kafka."""

import http.client
import io
import json
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka.admin import AdminClient
from PIL import Image

from deploy.local.kafka import KafkaBroker
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.bus.topics import ensure_topics
from shared.events import PartImage, Verdict, new_event_id, now
from tests.integration.gateway.alerts.test_stream import Stream

pytestmark = pytest.mark.kafka
ADDRESS = {"plant": "munich", "line": "line-1"}
JPEG = {"Content-Type": "image/jpeg"}


def picture(size: tuple[int, int] = (64, 48)) -> bytes:
    """A small JPEG."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(buffer, "JPEG")
    return buffer.getvalue()


def post(http: httpx.Client, part: str, body: bytes | None = None, **params: str) -> httpx.Response:
    """POST a photo of `part`."""
    return http.post("/v1/images", params=ADDRESS | {"part": part} | params, content=body or picture(), headers=JPEG)


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem in `response`."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"].endswith(f":{kind}")
    assert body["hint"]
    return body


def published(bus: BusSettings, since: Any, image: str) -> list[PartImage]:
    """The photos under the id `image` that Kafka holds."""
    with EventReader(bus, (PartImage,), start=since) as reader:
        events = [event for _, event in reader.read_to_end()]
    return [event for event in events if isinstance(event, PartImage) and event.id == image]


def test_a_photo_goes_in_and_its_verdict_comes_out(gateway: Any, pipeline: Any) -> None:
    """202, then the verdict under the address in the answer, by the pipeline's word, byte-identical photo on Kafka."""
    body = picture()
    headers = JPEG | {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    accepted = gateway.http.post("/v1/images", params=ADDRESS | {"part": "bad-1"}, content=body, headers=headers)
    assert accepted.status_code == 202, accepted.text
    answer = gateway.http.get(accepted.json()["verdict"], params={"wait": "30"})
    assert answer.status_code == 200, answer.text
    verdict = Verdict.model_validate_json(answer.content)
    assert (verdict.decision, verdict.part, verdict.image) == ("fail", "bad-1", accepted.json()["id"])
    (photo,) = [event for event in pipeline.seen if event.id == verdict.image]
    assert (photo.pixels, photo.place.plant) == (body, "munich")
    # It goes on in the client's trace, under the gateway's own span.
    _, trace, span, sampled = (photo.traceparent or "").split("-")
    assert (trace, sampled) == ("0af7651916cd43dd8448eb211c80319c", "01")
    assert span != "b7ad6b7169203331"


@pytest.mark.usefixtures("pipeline")
def test_many_clients_at_once_each_get_their_own_verdict(gateway: Any) -> None:
    """Concurrent posts and waits do not mix up or hold up each other; one that waits in vain delays nobody."""

    def one(index: int) -> tuple[str, str]:
        part = f"{'bad' if index % 2 else 'good'}-{index}"
        accepted = post(gateway.http, part)
        answer = gateway.http.get(accepted.json()["verdict"], params={"wait": "30"})
        return part, answer.json()["part"] + answer.json()["decision"]

    with ThreadPoolExecutor(16) as clients:
        in_vain = clients.submit(gateway.http.get, f"/v1/verdicts/{new_event_id()}", params={"wait": "3"})
        answers = list(clients.map(one, range(40)))
        assert all(got == part + ("fail" if part.startswith("bad") else "pass") for part, got in answers)
        problem(in_vain.result(), 404, "verdict-unknown")


@pytest.mark.usefixtures("pipeline")
def test_a_dead_letter_is_told_to_the_client(gateway: Any) -> None:
    """A photo that the pipeline set aside answers 422 with the pipeline's reason."""
    accepted = post(gateway.http, "dead-1").json()
    body = problem(gateway.http.get(accepted["verdict"], params={"wait": "30"}), 422, "photo-set-aside")
    assert body["detail"] == "the picture is damaged"
    assert "linegate.images.dlq" in body["hint"]


def test_retries_put_one_photo_into_kafka(gateway: Any, bus: BusSettings) -> None:
    """Ten clients with the same key, all at once, are one photo on the topic."""
    since, image = now(), new_event_id()
    with ThreadPoolExecutor(10) as clients:
        answers = list(clients.map(lambda _: post(gateway.http, "retried-1", id=image), range(10)))
    assert [answer.status_code for answer in answers] == [202] * 10
    assert len(published(bus, since, image)) == 1


@pytest.mark.usefixtures("pipeline")
def test_after_a_restart_verdicts_are_read_back(own_gateway: Any, bus: BusSettings) -> None:
    """A verdict of before the restart is known again, and a retry of its photo is not published again."""
    since, image = now(), new_event_id()
    accepted = post(own_gateway.http, "kept-1", id=image).json()
    assert own_gateway.http.get(accepted["verdict"], params={"wait": "30"}).status_code == 200
    assert own_gateway.terminate() == 0
    own_gateway.restart()
    own_gateway.wait_ready()
    assert own_gateway.http.get(accepted["verdict"]).status_code == 200
    assert post(own_gateway.http, "kept-1", id=image).status_code == 202
    assert len(published(bus, since, image)) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.redis
def test_it_stops_in_order(
    bus: BusSettings, redis_url: str, tmp_path: Path, start_gateway: Any, number: signal.Signals
) -> None:
    """The signal ends the process with status 0; who waits for a verdict is answered, a stream of alerts ends."""
    own_gateway = start_gateway(bus.bootstrap_servers, tmp_path / "gateway.log", REDIS_URL=redis_url)
    own_gateway.wait_ready()
    token = own_gateway.access.token_file.read_text().strip()
    stream = Stream(own_gateway.url, token)
    waiting = http.client.HTTPConnection("127.0.0.1", own_gateway.port, timeout=60)
    bearer = {"Authorization": f"Bearer {token}"}
    waiting.request("GET", "/openapi.json", headers=bearer)
    waiting.getresponse().read()
    waiting.request("GET", "/v1/verdicts/nothing?wait=30", headers=bearer)
    # Sent later, on another connection, and answered: so the wait above is under way.
    assert own_gateway.http.get("/openapi.json").status_code == 200
    own_gateway.process.send_signal(number)
    answer = waiting.getresponse()
    assert (answer.status, json.load(answer)["type"]) == (503, "urn:linegate:problem:stopping")
    waiting.close()
    assert stream.ended.wait(60)
    assert stream.in_order
    stream.close()
    assert own_gateway.process.wait(60) == 0
    assert "Traceback" not in own_gateway.log.read_text()


def test_an_oversized_upload_is_told_over_a_real_connection(gateway: Any) -> None:
    """The client reads the 413 although it is still sending, for a known length and for an endless stream."""

    def chunks() -> Iterator[bytes]:
        for _ in range(20_000):
            yield b"\xff" * 65_536

    params = ADDRESS | {"part": "large-1"}
    known = gateway.http.post("/v1/images", params=params, content=b"\xff" * 40_000_000, headers=JPEG)
    problem(known, 413, "photo-too-large")
    problem(gateway.http.post("/v1/images", params=params, content=chunks(), headers=JPEG), 413, "photo-too-large")
    assert gateway.http.get("/openapi.json").status_code == 200


def test_a_photo_at_the_limit_fits_through_kafka(gateway: Any, bus: BusSettings) -> None:
    """The largest photo that the gateway takes is one that the topic takes, too."""
    limit = 16 * 1024 * 1024 - 64 * 1024
    body = picture() + b"\x00" * (limit - len(picture()))
    since, image = now(), new_event_id()
    accepted = post(gateway.http, "silent-large", body, id=image)
    assert accepted.status_code == 202, accepted.text
    (photo,) = published(bus, since, image)
    assert photo.pixels == body
    problem(post(gateway.http, "silent-large", body + b"\x00"), 413, "photo-too-large")


def test_a_taken_port_is_one_clear_line(gateway: Any) -> None:
    """A second gateway on the same port ends at once with status 1 and a hint, not with a traceback."""
    started = subprocess.run(
        gateway.process.args, env=gateway._environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert started.returncode == 1
    assert f"127.0.0.1:{gateway.port}" in started.stderr


def test_kafka_comes_and_goes_and_comes_back(tmp_path: Path, start_gateway: Any) -> None:
    """Without Kafka, 503 and not ready; with it, 202; and a photo retried over an outage lies on the topic once.

    The gateway starts before Kafka does and is never restarted. The 503 carries Retry-After and the id to retry under.
    """
    broker = KafkaBroker(tmp_path / "kafka")
    gateway = start_gateway(broker.bootstrap_servers, tmp_path / "gateway.log")
    gateway.wait_until(lambda gateway: gateway.probes.get("/healthz").status_code == 200)
    assert gateway.probes.get("/readyz").json() == {"status": "not ready", "reason": "Kafka does not answer"}
    with broker:
        ensure_topics(AdminClient({"bootstrap.servers": broker.bootstrap_servers}))
        gateway.wait_ready()
        since = now()
        assert post(gateway.http, "before-1").status_code == 202

        broker.kill()
        refused = post(gateway.http, "during-1")
        image = problem(refused, 503, "kafka-away")["id"]
        assert int(refused.headers["retry-after"]) >= 1
        assert gateway.probes.get("/readyz").status_code == 503
        problem(gateway.http.get(f"/v1/verdicts/{image}"), 503, "not-current")
        assert gateway.probes.get("/healthz").json() == {"status": "alive"}

        broker.start()
        gateway.wait_until(lambda gateway: post(gateway.http, "during-1", id=image).status_code == 202)
        gateway.wait_ready()
        assert post(gateway.http, "after-1").status_code == 202
        bus = BusSettings(bootstrap_servers=broker.bootstrap_servers)
        assert len(published(bus, since, image)) == 1
        assert gateway.terminate() == 0


def test_the_key_of_a_rollout_arrives_in_any_spelling(gateway: Any) -> None:
    """`*` and slashes as they are, or escaped, as some clients do; the gateway runs whether Redis answers or not."""
    for key in ("munich/line-1/*/*/*", "munich/line-1/%2A/%2A/%2a", "munich%2Fline-1/*/*/*"):
        answer = gateway.http.get(f"/v1/rollouts/{key}")
        assert answer.json()["type"].rpartition(":")[2] in {"registry-away", "rollout-unknown"}
