"""The real crop and score workers, each with its own users and nothing more, from a camera's photo to its verdict."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.answers import AnswerFeed, DeadPhoto
from services.crop.main import main as crop_main
from services.score.main import main as score_main
from shared.bus.publisher import EventPublisher
from shared.events import Verdict
from shared.images import encode_png
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, StationConfig, VersionRecord
from shared.serving.serve import Main
from shared.settings import Settings
from shared.store import ArtifactStore
from tests.integration.transport.conftest import SecureKafka, SecureRedis
from tests.integration.transport.jobs import an_image
from tests.unit.services.cards import a_card
from tests.unit.services.events import picture

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
PATIENCE = 90.0
EXTRACTOR = ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=64, width=64))


@pytest.fixture
def servers(
    secure_kafka: SecureKafka, secure_redis: SecureRedis, tmp_path: Path
) -> tuple[SecureKafka, SecureRedis, Path]:
    """Both servers and a folder; the plant "secure" judges by a small model that the trainer registered."""
    store = ArtifactStore(settings(secure_kafka, secure_redis, tmp_path, "crop").store)
    model = make_model(ModelSpec(kind="padim", extractor=EXTRACTOR), ExtractorPool(device="cpu"))
    model.fit([picture(i) for i in range(4)])
    write_bundle(tmp_path / "bundle", model, a_card(1e9))
    digest = store.put(tmp_path / "bundle")
    with Registry(secure_redis.settings("trainer")) as registry:
        registry.register(VersionRecord(version="secure-1", digest=digest, kind="padim"))
    with Registry(secure_redis.settings("rollout")) as registry:
        key = PlaceKey.parse("secure")
        registry.set_station(key, StationConfig(policy="full_frame"), expected=None, author="test")
        registry.assign(key, Assignment(champion="secure-1"), expected=None, author="test")
    return secure_kafka, secure_redis, tmp_path


def settings(kafka: SecureKafka, redis: SecureRedis, folder: Path, service: str) -> Settings:
    """Of one service, with its own user at both servers."""
    return Settings.model_validate({
        "bus": kafka.bus(service).model_dump(),
        "redis": redis.settings(service).model_dump(),
        "store": {"url": str(folder / "store"), "cache_dir": str(folder / "cache")},
        "score": {"device": "cpu"},
    })  # fmt: skip


@contextmanager
def running(main: Main, chosen: Settings) -> Iterator[None]:
    """A service for the length of a block; it ends in order."""
    stop, ends = threading.Event(), list[object]()

    def run() -> None:
        try:
            ends.append(main(chosen, stop))
        except BaseException as error:  # noqa: BLE001 - told below
            ends.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert ends == [0]


def test_from_a_camera_to_its_verdict(servers: tuple[SecureKafka, SecureRedis, Path]) -> None:
    """Eight good photos and one that is none: a verdict each, and a dead letter; nobody has more than its list."""
    kafka, redis, folder = servers
    good = [
        an_image(f"part-{i}", plant="secure", pixels=encode_png(picture(i)), mediatype="image/png") for i in range(8)
    ]
    bad = an_image("no-picture", plant="secure")
    verdicts: list[Verdict] = []
    dead: list[DeadPhoto] = []
    wanted = {image.id for image in (*good, bad)}
    complete = threading.Event()

    def heard() -> None:
        if wanted <= {verdict.image for verdict in verdicts} | {letter.image for letter in dead}:
            complete.set()

    feed = AnswerFeed(
        kafka.bus("gateway"),
        on_verdict=lambda verdict: (verdicts.append(verdict), heard())[1],
        on_dead_letter=lambda letter: (dead.append(letter), heard())[1],
    )
    crop = running(crop_main, settings(kafka, redis, folder, "crop"))
    score = running(score_main, settings(kafka, redis, folder, "score"))
    with feed:
        feed.wait_current(PATIENCE)
        with EventPublisher(kafka.bus("camera")) as camera:
            for image in (*good, bad):
                camera.publish(image).result(PATIENCE)
        with crop, score:
            assert complete.wait(PATIENCE), (len(verdicts), dead)
    ours = [verdict for verdict in verdicts if verdict.image in wanted]
    assert Counter(verdict.image for verdict in ours) == Counter(image.id for image in good)
    assert {verdict.model.version for verdict in ours if verdict.model} == {"secure-1"}
    assert not any(verdict.model.stale for verdict in ours if verdict.model)
    assert [letter.image for letter in dead if letter.image in wanted] == [bad.id]
