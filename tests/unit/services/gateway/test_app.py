"""The HTTP interface, answer by answer. The publisher is a list here; Kafka itself is in tests/integration/gateway.

Everybody may do everything here; who may do what is in test_access.py.
"""

import io
import json
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from typing import Any

import anyio
import anyio.from_thread
import httpx
import pytest
from PIL import Image

from services.answers import DeadPhoto
from services.gateway.alerts.desk import AlertDesk
from services.gateway.app import create_app
from services.gateway.rollout_desk import RolloutDesk
from services.gateway.verdict_cache import Judged, VerdictCache
from shared.auth.authenticator import NoAuthentication
from shared.bus.publisher import PublishFailed
from shared.events import Check, ModelStamp, PartImage, Timings, Verdict, now
from shared.registry.client import Registry
from shared.settings import GatewaySettings, ImageSettings, RedisSettings, Settings

ADDRESS = {"part": "4711-1", "plant": "munich", "line": "line-1"}
JPEG = {"Content-Type": "image/jpeg"}


def no_registry() -> RolloutDesk:
    """A desk whose registry is away: nobody listens there."""
    return RolloutDesk(Registry(RedisSettings.model_validate({"url": "redis://127.0.0.1:9/0"})))


def no_alerts() -> AlertDesk:
    """The same of alerts."""
    return AlertDesk(RedisSettings.model_validate({"url": "redis://127.0.0.1:9/0"}))


class ListPublisher:
    """Keeps what is published; acknowledges at once, or does what `fails` says."""

    def __init__(self) -> None:
        self.events: list[PartImage] = []
        self.fails: Exception | None = None
        self.silent = False

    def publish(self, event: PartImage) -> Future[Any]:
        """Take the event."""
        self.events.append(event)
        future: Future[Any] = Future()
        if self.fails is not None:
            future.set_exception(self.fails)
        elif not self.silent:
            future.set_result(None)
        return future


class Client:
    """A synchronous client of the application under test."""

    def __init__(self, portal: anyio.from_thread.BlockingPortal, **kwargs: Any) -> None:
        self.publisher = ListPublisher()
        self.verdicts = VerdictCache(100)
        self.current = True
        self.kafka_up = True
        settings = Settings(**kwargs)
        self.app = create_app(
            settings,
            self.publisher,
            self.verdicts,
            NoAuthentication(),
            rollouts=no_registry(),
            alerts=no_alerts(),
            reachable=lambda: self.kafka_up,
            current=lambda: self.current,
            acknowledge_s=0.2,
        )
        self._portal = portal
        # A bug must reach the client as an answer, as it does behind a real server.
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://gateway")

    def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Send one request and read its answer."""

        async def send() -> httpx.Response:
            return await self._http.request(method, path, **kwargs)

        return self._portal.call(send)

    def submit(self, body: Any, headers: dict[str, str] | None = None, /, **params: str) -> httpx.Response:
        """POST a photo with a complete address, changed by `params`."""
        return self.request("POST", "/v1/images", params=ADDRESS | params, content=body, headers=headers or JPEG)


@pytest.fixture
def portal() -> Iterator[anyio.from_thread.BlockingPortal]:
    """An event loop in a thread, so that tests read top to bottom."""
    with anyio.from_thread.start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def client(portal: anyio.from_thread.BlockingPortal) -> Client:
    """A client of a gateway with default settings."""
    return Client(portal)


def picture(form: str = "JPEG", size: tuple[int, int] = (32, 24)) -> bytes:
    """A small picture, encoded."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(buffer, form)
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG of 67 bytes whose header promises 100 000 x 100 000 pixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def verdict(image: str, part: str = "4711-1") -> Verdict:
    """A failed verdict on `image`."""
    stamp = ModelStamp(
        version="v1", digest="0" * 64, kind="padim", arm="champion", assignment="munich/*/*/*/*", revision=1
    )
    return Verdict(
        part=part,
        plant="munich",
        line="line-1",
        captured=now(),
        image=image,
        decision="fail",
        checks=(Check(name="damage", result="fail", score=3.0, threshold=2.0),),
        model=stamp,
        timings=Timings(),
    )


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem in `response`, after checking what every problem must have."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:linegate:problem:{kind}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["hint"]
    assert "Traceback" not in response.text
    return body


@pytest.mark.parametrize(
    ("form", "mediatype"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("TIFF", "image/tiff"),
        ("BMP", "image/bmp"),
        ("WEBP", "image/webp"),
    ],
)
@pytest.mark.parametrize("declared", [True, False])
def test_a_photo_becomes_an_event(client: Client, form: str, mediatype: str, *, declared: bool) -> None:
    """The bytes go out untouched, with address and media type; an undeclared type is read from the content."""
    body = picture(form)
    headers = {"Content-Type": mediatype if declared else "application/octet-stream"}
    response = client.submit(
        body, headers, station="st-40", layout="us", camera="mobile", captured="2025-03-01T06:30:00Z"
    )
    assert response.status_code == 202, response.text
    (event,) = client.publisher.events
    assert (event.pixels, event.mediatype, event.source) == (body, mediatype, "/linegate/gateway")
    assert (event.part, event.plant, event.line, event.station) == ("4711-1", "munich", "line-1", "st-40")
    assert (event.layout, event.camera, event.captured.isoformat()) == ("us", "mobile", "2025-03-01T06:30:00+00:00")
    assert response.json() == {"id": event.id, "part": "4711-1", "verdict": f"/v1/verdicts/{event.id}"}
    assert response.headers["location"] == f"/v1/verdicts/{event.id}"


def test_captured_defaults_to_the_time_of_receipt(client: Client) -> None:
    """A client without a clock sends none."""
    before = now()
    client.submit(picture())
    assert before <= client.publisher.events[0].captured <= now()


def test_a_form_does_as_well(client: Client) -> None:
    """Multipart: the photo as the part `file`, the fields as form fields."""
    body = picture("PNG")
    response = client.request(
        "POST", "/v1/images", data=ADDRESS | {"layout": "us"}, files={"file": ("photo.png", body, "image/png")}
    )
    assert response.status_code == 202, response.text
    assert (client.publisher.events[0].pixels, client.publisher.events[0].layout) == (body, "us")


def test_a_large_form_is_taken_whole(client: Client) -> None:
    """Beyond the size at which form parts are spooled to disk, the bytes still arrive unchanged."""
    body = picture() + b"\x00" * (3 * 1024 * 1024)
    files = {"file": ("photo.jpg", body, "image/jpeg")}
    assert client.request("POST", "/v1/images", data=ADDRESS, files=files).status_code == 202
    assert client.publisher.events[0].pixels == body


def test_the_trace_goes_along(client: Client) -> None:
    """A valid traceparent is carried; a malformed one is ignored, as W3C Trace Context asks."""
    good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    client.submit(picture(), JPEG | {"traceparent": good})
    for bad in ("nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01", good.replace("00-", "ff-", 1)):
        client.submit(picture(), JPEG | {"traceparent": bad})
    assert [event.traceparent for event in client.publisher.events] == [good, None, None, None]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"plant": "Munich Süd"}, "plant"),
        ({"plant": ""}, "plant"),
        ({"line": "x" * 64}, "line"),
        ({"part": "a b"}, "part"),
        ({"camera": "drone"}, "camera"),
        ({"captured": "2025-03-01T06:30:00"}, "captured"),
        ({"captured": "yesterday"}, "captured"),
        ({"id": "../etc"}, "id"),
        ({"plnat": "munich"}, "plnat"),
    ],
)
def test_a_wrong_field_is_named(client: Client, params: dict[str, str], field: str) -> None:
    """Each mistake gives 422 with the field and a hint, and nothing is published."""
    body = problem(client.submit(picture(), **params), 422, "invalid-request")
    assert [error["field"] for error in body["errors"]] == [field]
    assert field in body["hint"]
    assert client.publisher.events == []


def test_a_missing_field_is_named(client: Client) -> None:
    """No plant, no event."""
    response = client.request("POST", "/v1/images", params={"part": "1", "line": "l"}, content=picture(), headers=JPEG)
    body = problem(response, 422, "invalid-request")
    assert body["errors"] == [{"field": "plant", "message": "Field required"}]
    assert "munich" in body["hint"]


def test_a_field_given_twice_is_refused(client: Client) -> None:
    """Neither of two values is picked silently, within the query or between query and form."""
    twice = [*ADDRESS.items(), ("plant", "berlin")]
    problem(client.request("POST", "/v1/images", params=twice, content=picture(), headers=JPEG), 422, "invalid-request")
    files = {"file": ("photo.jpg", picture(), "image/jpeg")}
    both = client.request("POST", "/v1/images", params={"plant": "berlin"}, data=ADDRESS, files=files)
    assert "plant" in problem(both, 422, "invalid-request")["detail"]


@pytest.mark.parametrize("names", [[], ["photo"], ["file", "file"]])
def test_a_form_needs_one_file(client: Client, names: list[str]) -> None:
    """No file, a file under another name, and two files are each refused with the way to do it."""
    files: list[Any] = [(name, ("p.jpg", picture(), "image/jpeg")) for name in names] or [("x", (None, "1"))]
    response = client.request("POST", "/v1/images", params=ADDRESS, files=files)
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"
    assert "file" in response.json()["hint"]
    assert client.publisher.events == []


def test_a_malformed_form_is_a_problem(client: Client) -> None:
    """A multipart body without a boundary does not reach the client as a server error."""
    response = client.submit(b"nonsense", {"Content-Type": "multipart/form-data"})
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "declared", "word"),
    [
        (b"%PDF-1.7 ...", "application/pdf", "application/pdf"),
        (b"a=1", "application/x-www-form-urlencoded", "curl"),
        (b"<svg/>", "image/svg+xml", "image/svg+xml"),
        (b"GIF89a", "image/jpeg", "cannot be read"),
        (b"\xff\xd8\xff", "image/jpeg", "damaged"),
        (picture("PNG"), "image/jpeg", "image/png"),
    ],
)
def test_what_is_no_picture_is_refused(client: Client, body: bytes, declared: str, word: str) -> None:
    """A wrong or untrue media type is a 415 that says what to send."""
    answer = problem(client.submit(body, {"Content-Type": declared}), 415, "unsupported-media-type")
    assert word in answer["detail"] + answer["hint"]
    assert client.publisher.events == []


def test_an_empty_body_is_refused(client: Client) -> None:
    """A camera that sent nothing is told so."""
    assert "empty" in problem(client.submit(b""), 422, "invalid-request")["detail"]


def test_a_decompression_bomb_is_refused_by_its_header(client: Client) -> None:
    """Ten gigapixels are refused without decoding one."""
    problem(client.submit(bomb(), {"Content-Type": "image/png"}), 422, "too-many-pixels")


def test_the_pixel_limit_is_a_setting(portal: anyio.from_thread.BlockingPortal) -> None:
    """A photo at the limit passes, one row more does not."""
    client = Client(portal, images=ImageSettings(max_pixels=32 * 24))
    assert client.submit(picture()).status_code == 202
    problem(client.submit(picture(size=(32, 25))), 422, "too-many-pixels")


def test_too_large_is_known_from_the_length(portal: anyio.from_thread.BlockingPortal) -> None:
    """An announced length beyond the limit is refused before a byte is read."""
    client = Client(portal, gateway=GatewaySettings(max_upload_bytes=1000))
    problem(client.submit(b"\xff\xd8\xff" + b"x" * 998), 413, "photo-too-large")


def test_too_large_is_noticed_while_streaming(portal: anyio.from_thread.BlockingPortal) -> None:
    """An endless body of unknown length is cut off as soon as it exceeds the limit."""
    client = Client(portal, gateway=GatewaySettings(max_upload_bytes=1000))
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            assert sent < 100, "the gateway did not stop reading"
            yield b"\xff" * 300

    problem(client.submit(endless()), 413, "photo-too-large")


def test_a_file_in_a_form_has_the_same_limit(portal: anyio.from_thread.BlockingPortal) -> None:
    """The form's own bytes do not count, the file's do."""
    client = Client(portal, gateway=GatewaySettings(max_upload_bytes=len(picture())))
    exact = {"file": ("p.jpg", picture(), "image/jpeg")}
    assert client.request("POST", "/v1/images", data=ADDRESS, files=exact).status_code == 202
    more = {"file": ("p.jpg", picture() + b"x", "image/jpeg")}
    problem(client.request("POST", "/v1/images", data=ADDRESS, files=more), 413, "photo-too-large")


@pytest.mark.parametrize("key", ["retry-1", '"retry-1"'])
def test_a_retry_with_the_same_key_does_not_double_the_part(client: Client, key: str) -> None:
    """The Idempotency-Key, quoted or not, becomes the id; the second request is answered alike and not published."""
    first, second = (client.submit(picture(), JPEG | {"Idempotency-Key": key}) for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert [event.id for event in client.publisher.events] == ["retry-1"]


def test_the_id_may_be_a_field(client: Client) -> None:
    """A client-supplied `id` means the same as the header; the two must not differ."""
    client.submit(picture(), id="mine")
    client.submit(picture(), JPEG | {"Idempotency-Key": "mine"}, id="mine")
    assert [event.id for event in client.publisher.events] == ["mine"]
    problem(client.submit(picture(), JPEG | {"Idempotency-Key": "other"}, id="mine"), 422, "invalid-request")


@pytest.mark.parametrize("change", [{"part": "4711-2"}, {"plant": "berlin"}])
def test_an_id_for_another_part_is_refused(client: Client, change: dict[str, str]) -> None:
    """The same id for another part or place is a client's mistake, and says so."""
    assert client.submit(picture(), id="a").status_code == 202
    problem(client.submit(picture(), id="a", **change), 422, "id-reused")
    problem(client.submit(picture("JPEG", (33, 24)), id="a"), 422, "id-reused")
    assert len(client.publisher.events) == 1


def test_a_photo_with_a_verdict_is_not_published_again(client: Client) -> None:
    """After a restart, the verdict read back from Kafka proves that the photo went in."""
    client.verdicts.put("a", Judged.of(verdict("a")))
    assert client.submit(picture(), id="a").status_code == 202
    problem(client.submit(picture(), id="a", part="4711-2"), 422, "id-reused")
    assert client.publisher.events == []


def test_without_acknowledgement_there_is_no_202(client: Client) -> None:
    """Silence of the broker is 503 with the id to retry under; the retry does not publish twice."""
    client.publisher.silent = True
    response = client.submit(picture())
    body = problem(response, 503, "kafka-away")
    assert int(response.headers["retry-after"]) > 0
    assert body["id"] in body["hint"]
    problem(client.submit(picture(), id=body["id"]), 503, "kafka-away")
    assert [event.id for event in client.publisher.events] == [body["id"]]


def test_a_refusal_of_kafka_is_503_and_may_be_retried(client: Client) -> None:
    """What did not go in goes in at the next try under the same id."""
    client.publisher.fails = PublishFailed("Local: Message timed out")
    body = problem(client.submit(picture(), id="a"), 503, "kafka-away")
    assert "timed out" in body["detail"]
    client.publisher.fails = None
    assert client.submit(picture(), id="a").status_code == 202
    assert len(client.publisher.events) == 2


def test_a_bug_is_a_problem_too(client: Client) -> None:
    """An unexpected exception becomes a 500 problem that shows nothing of the inside."""
    client.publisher.fails = RuntimeError("secret detail")
    response = client.submit(picture())
    problem(response, 500, "internal")
    assert "secret" not in response.text


def test_a_verdict_is_served_as_it_was_published(client: Client) -> None:
    """The JSON is the event's own."""
    known = verdict("a")
    client.verdicts.put("a", Judged.of(known))
    response = client.request("GET", "/v1/verdicts/a")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert Verdict.model_validate_json(response.content) == known


def test_a_verdict_can_be_waited_for(client: Client) -> None:
    """The answer comes when the verdict does, and others are served meanwhile."""
    client.submit(picture(), id="a")

    def judge() -> None:
        assert client.request("GET", "/openapi.json").status_code == 200
        client.verdicts.put("a", Judged.of(verdict("a")))

    later = threading.Timer(0.1, judge)
    later.start()
    response = client.request("GET", "/v1/verdicts/a", params={"wait": "20"})
    later.join()
    assert response.json()["image"] == "a"


def test_pending_and_unknown_differ(client: Client) -> None:
    """A photo this gateway took is pending; any other id is unknown."""
    client.submit(picture(), id="a")
    problem(client.request("GET", "/v1/verdicts/a", params={"wait": "0.05"}), 404, "verdict-pending")
    problem(client.request("GET", "/v1/verdicts/b"), 404, "verdict-unknown")


def test_a_dead_letter_is_told_with_its_reason(client: Client) -> None:
    """A photo that was set aside will never have a verdict; the client learns why and where it is kept."""
    client.verdicts.put("a", DeadPhoto("a", "the picture is damaged", "linegate.images.dlq", "munich"))
    body = problem(client.request("GET", "/v1/verdicts/a"), 422, "photo-set-aside")
    assert body["detail"] == "the picture is damaged"
    assert "linegate.images.dlq" in body["hint"]


def test_an_id_of_another_producer_may_contain_slashes(client: Client) -> None:
    """Ids come from any CloudEvents producer; the path takes them all."""
    client.verdicts.put("cam/7/1", Judged.of(verdict("cam/7/1")))
    assert client.request("GET", "/v1/verdicts/cam/7/1").status_code == 200


@pytest.mark.parametrize("params", [{"wait": "-1"}, {"wait": "31"}, {"wait": "soon"}, {"wiat": "3"}])
def test_a_wrong_wait_is_named(client: Client, params: dict[str, str]) -> None:
    """The wait is bounded by a setting, and a misspelt parameter is not passed over."""
    problem(client.request("GET", "/v1/verdicts/a", params=params), 422, "invalid-request")


def test_before_the_reader_has_caught_up_nothing_is_unknown(client: Client) -> None:
    """An unread verdict is not a missing one: 503."""
    client.current = False
    problem(client.request("GET", "/v1/verdicts/a"), 503, "not-current")


def test_a_stopping_gateway_sends_waiters_away(client: Client) -> None:
    """Whoever waits for a verdict when the gateway stops is told to ask again, at once."""
    later = threading.Timer(0.1, client.verdicts.close)
    later.start()
    problem(client.request("GET", "/v1/verdicts/a", params={"wait": "25"}), 503, "stopping")
    later.join()


def test_while_kafka_is_away_nothing_is_unknown(client: Client) -> None:
    """A verdict that cannot be read is not a missing one; those in memory are still served."""
    client.verdicts.put("a", Judged.of(verdict("a")))
    client.kafka_up = False
    assert client.request("GET", "/v1/verdicts/a").status_code == 200
    problem(client.request("GET", "/v1/verdicts/b"), 503, "not-current")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/v1/images", 405)])
def test_even_a_wrong_path_is_a_problem(client: Client, method: str, path: str, status: int) -> None:
    """The framework's own errors have the same shape."""
    response = client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["hint"]


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/healthz", "/readyz"])
def test_what_is_not_there(client: Client, path: str) -> None:
    """The framework's documentation pages load from a CDN and are therefore off; probes have a port of their own."""
    assert client.request("GET", path).status_code == 404


def test_the_schema_is_complete(client: Client) -> None:
    """OpenAPI describes every body and problem, every reference resolves, and the examples are valid."""
    response = client.request("GET", "/openapi.json")
    schema = response.json()
    text = json.dumps(schema)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= schema["components"]["schemas"].keys()
    assert "Problem" in names
    assert "HTTPValidationError" not in text
    submit = schema["paths"]["/v1/images"]["post"]
    assert {"image/jpeg", "image/png", "multipart/form-data"} <= submit["requestBody"]["content"].keys()
    assert {p["name"] for p in submit["parameters"]} >= {"part", "plant", "line", "camera", "Idempotency-Key"}
    for path, method in (("/v1/images", "post"), ("/v1/verdicts/{image_id}", "get")):
        for status, answer in schema["paths"][path][method]["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"]
    example = schema["paths"]["/v1/verdicts/{image_id}"]["get"]["responses"]["200"]["content"]["application/json"][
        "example"
    ]
    assert Verdict.model_validate(example).decision == "fail"
