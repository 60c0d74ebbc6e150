"""The main job on real servers and real processes: every photo gets exactly one verdict or one dead letter."""

import hashlib
import io
import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image as Pillow

from services.answers import AnswerFeed, DeadPhoto
from shared.bus.envelope import encode
from shared.bus.publisher import EventPublisher
from shared.events import PartImage, Verdict, new_event_id, now
from shared.images import encode_png
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, StationConfig, VersionRecord
from shared.store import ArtifactStore
from tests.e2e.conftest import Line
from tests.unit.services.cards import a_card
from tests.unit.services.events import picture

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.timeout(300)]
EXTRACTOR = ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=64, width=64))
PATIENCE = 90.0


class Answers:
    """Everything that was answered, by image id."""

    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []
        self.dead: list[DeadPhoto] = []

    def counts(self) -> Counter[str]:
        """How many answers each photo got."""
        return Counter([v.image for v in self.verdicts] + [d.image for d in self.dead])

    def wait(self, images: set[str]) -> None:
        """Until each of `images` has an answer, and a moment longer for one too many."""
        deadline = time.monotonic() + PATIENCE
        while images - self.counts().keys():
            assert time.monotonic() < deadline, f"no answer on {sorted(images - self.counts().keys())}"
            time.sleep(0.05)
        time.sleep(1.0)


@pytest.fixture(scope="module")
def plants(line: Line, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Plant munich judges by PatchCore, puebla by PaDiM; neither looks for a label. Accuracy is not under test."""
    pool = ExtractorPool(device="cpu")
    store = ArtifactStore(line.store)
    with Registry(line.redis) as registry:
        for plant, kind, threshold in (("munich", "patchcore", 1e9), ("puebla", "padim", 0.0)):
            model = make_model(ModelSpec(kind=kind, extractor=EXTRACTOR), pool)
            model.fit([picture(i) for i in range(6)])
            path: Path = tmp_path_factory.mktemp(plant) / "bundle"
            write_bundle(path, model, a_card(threshold))
            registry.register(VersionRecord(version=f"{plant}-1", digest=store.put(path), kind=kind))
            key = PlaceKey.parse(plant)
            registry.set_station(key, StationConfig(policy="full_frame"), expected=None, author="test")
            registry.assign(key, Assignment(champion=f"{plant}-1"), expected=None, author="test")


@pytest.fixture
def answers(line: Line, plants: None) -> Iterator[Answers]:  # noqa: ARG001 - the plants must be set up first
    """Answers to photos sent from now on."""
    kept = Answers()
    with AnswerFeed(line.bus, on_verdict=kept.verdicts.append, on_dead_letter=kept.dead.append) as feed:
        feed.wait_current(30)
        yield kept


@pytest.fixture
def publisher(line: Line) -> Iterator[EventPublisher]:
    """A camera that speaks Kafka."""
    with EventPublisher(line.bus) as made:
        yield made


def photo(plant: str, pixels: bytes | None, **more: object) -> PartImage:
    """A photo event."""
    fields = {"part": f"P-{new_event_id()[:8]}", "plant": plant, "line": "line-1", "captured": now()}
    return PartImage.model_validate(fields | {"mediatype": "image/png", "pixels": pixels} | more)


def bomb() -> bytes:
    """A PNG of a few bytes whose header promises 60000 x 60000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


def test_two_plants_each_by_its_own_model(answers: Answers, publisher: EventPublisher) -> None:
    """Forty photos, two plants: one verdict each, by the right version, with a trace."""
    sent = [photo("munich" if i % 2 else "puebla", encode_png(picture(i))) for i in range(40)]
    for event in sent:
        publisher.publish(event)
    answers.wait({event.id for event in sent})
    assert answers.counts() == Counter({event.id: 1 for event in sent})
    assert not answers.dead
    plant_of = {event.id: event.plant for event in sent}
    for verdict in answers.verdicts:
        assert verdict.model is not None
        assert verdict.model.version == f"{plant_of[verdict.image]}-1"
        assert verdict.model.arm == "champion"
        assert verdict.decision == ("pass" if verdict.plant == "munich" else "fail")
        assert verdict.trace is not None
        assert len(verdict.trace) == 32


def test_bad_input_costs_only_itself(line: Line, answers: Answers, publisher: EventPublisher) -> None:
    """Each kind of bad input is a dead letter that says why; the good photos around it get their verdicts."""
    inside = line.photos / "part.png"
    content = encode_png(picture(3))
    inside.write_bytes(content)
    outside = line.photos.parent / "secret.png"
    outside.write_bytes(content)
    true_hash = hashlib.sha256(content).hexdigest()
    bits = io.BytesIO()
    Pillow.fromarray(picture(1)).save(bits, "JPEG")

    def by_reference(url: str, sha256: str = true_hash) -> PartImage:
        return photo("munich", None, dataref=url, datasha256=sha256, datasize=len(content))

    bad = {
        "is damaged": photo("munich", bits.getvalue()[: len(bits.getvalue()) // 2], mediatype="image/jpeg"),
        "not a JPEG": photo("munich", b"this is no picture"),
        "too many pixels": photo("munich", bomb()),
        "no model version is assigned": photo("atlantis", encode_png(picture(2))),
        "sha256": by_reference(inside.as_uri(), "0" * 64),
        "climbs out": by_reference((line.photos / ".." / "secret.png").as_uri()),
        "part-7.png": by_reference((line.photos / "part-7.png").as_uri()),
    }
    good = [photo("munich", encode_png(picture(i))) for i in range(8)] + [by_reference(inside.as_uri())]
    # The bad ones in the midst of the good ones, so that they share batches.
    for event in [*good[:4], *bad.values(), *good[4:]]:
        publisher.publish(event)
    answers.wait({event.id for event in [*bad.values(), *good]})
    assert answers.counts() == Counter({event.id: 1 for event in [*bad.values(), *good]})
    reasons = {letter.image: letter.reason for letter in answers.dead}
    assert reasons.keys() == {event.id for event in bad.values()}
    for words, event in bad.items():
        assert words in reasons[event.id], reasons[event.id]


def test_a_wrong_schema_version_is_told(answers: Answers, publisher: EventPublisher) -> None:
    """An event of a later version becomes a dead letter that names both versions."""
    event = photo("munich", encode_png(picture(5)))
    record = encode(event)
    headers = tuple((k, b"io.linegate.image.v9" if k == "ce_type" else v) for k, v in record.headers)
    publisher.publish_record(type(record)(record.topic, record.key, record.value, headers))
    answers.wait({event.id})
    assert [letter.image for letter in answers.dead] == [event.id]
    assert "v9" in answers.dead[0].reason
    assert "v1" in answers.dead[0].reason


def test_over_http_too(line: Line, answers: Answers) -> None:
    """A camera that speaks HTTP posts a photo and waits for its verdict."""
    query = {"part": "P-http", "plant": "munich", "line": "line-1"}
    with httpx.Client(base_url=line.gateway, timeout=60, auth=line.auth) as client:
        posted = client.post(
            "/v1/images", params=query, content=encode_png(picture(8)), headers={"content-type": "image/png"}
        )
        assert posted.status_code == httpx.codes.ACCEPTED, posted.text
        answer = client.get(posted.json()["verdict"], params={"wait": 20})
    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json()["decision"] == "pass"
    answers.wait({posted.json()["id"]})
    assert answers.counts()[posted.json()["id"]] == 1


def test_every_process_answers_its_probes(line: Line) -> None:
    """Gateway, crop and score are alive and ready, and the gateway says so on no port that clients reach."""
    assert line.workers.probes.keys() == {"gateway", "crop", "score"}
    for url in line.workers.probes.values():
        assert httpx.get(f"{url}/healthz", timeout=30).json() == {"status": "alive"}
        assert httpx.get(f"{url}/readyz", timeout=30).json() == {"status": "ready"}
    assert httpx.get(f"{line.gateway}/healthz", timeout=30).status_code == httpx.codes.NOT_FOUND


def test_strangers_are_not_let_in(line: Line) -> None:
    """The local line asks who comes, as a plant's does."""
    assert httpx.get(f"{line.gateway}/v1/verdicts/x", timeout=30).status_code == httpx.codes.UNAUTHORIZED


def test_a_new_assignment_takes_over_without_a_restart(line: Line, answers: Answers, publisher: EventPublisher) -> None:
    """Assigning puebla's model to munich changes munich's verdicts, exactly from some photo on."""
    with Registry(line.redis) as registry:
        key = PlaceKey.parse("munich")
        held = registry.snapshot().assignment(key)
        assert held is not None
        registry.assign(key, Assignment(champion="puebla-1"), expected=held.revision, author="test")
        sent = []
        deadline = time.monotonic() + PATIENCE
        while not any(v.model is not None and v.model.version == "puebla-1" for v in answers.verdicts):
            assert time.monotonic() < deadline, "the new assignment never took over"
            sent.append(photo("munich", encode_png(picture(len(sent)))))
            publisher.publish(sent[-1])
            time.sleep(0.1)
        held = registry.snapshot().assignment(key)
        assert held is not None
        registry.assign(key, Assignment(champion="munich-1"), expected=held.revision, author="test")
    answers.wait({event.id for event in sent})
    assert set(answers.counts().values()) == {1}
