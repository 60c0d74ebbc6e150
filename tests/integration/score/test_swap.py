"""Models change while photos stream past a real worker: none waits, each is judged by what its verdict says."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.score import main as score_main
from shared.events import Verdict
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.spec import ModelSpec
from shared.registry import lifecycle
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, VersionRecord
from shared.store import ArtifactStore
from tests.integration.score.conftest import EXTRACTOR, PATIENCE, ScoreLine
from tests.integration.score.stream import Stream
from tests.unit.services.cards import a_card
from tests.unit.services.events import crop, picture

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
AT = datetime(2026, 11, 24, tzinfo=UTC)
HANGS: set[str] = set()
RELEASE = threading.Event()


class Hanging(ArtifactStore):
    """The real store, which keeps whoever asks for some bundles waiting until it is released."""

    def read(self, digest: str) -> bytes:
        """As the store does, sooner or later."""
        assert digest not in HANGS or RELEASE.wait(120)
        return super().read(digest)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Digests of bundles that hang."""
    HANGS.clear()
    RELEASE.clear()
    monkeypatch.setattr(score_main, "ArtifactStore", Hanging)
    yield HANGS
    RELEASE.set()


def test_a_rollout_while_photos_stream(line: ScoreLine, hanging: set[str]) -> None:
    """Canary, promotion, Redis killed, rollback, a damaged bundle: each comes into force without a photo waiting."""
    line.redis.start()
    stream = Stream(line)
    stream.register("old", "new")
    first = stream.advance(lambda held: lifecycle.promote(held, "old"))
    line.start()
    line.stamp_when(lambda stamp: stamp.version == "old")
    hanging.add(line.digests["new"])
    took: dict[str, float] = {}
    with stream:
        stream.wait(lambda model: model.revision == first, "by the first champion")
        # A version that is long in coming: everything goes on by the former entry, revision and all.
        trial = stream.advance(lambda held: lifecycle.canary(held, "new", 50, at=AT))
        stream.goes_on(30, lambda model: (model.version, model.revision) == ("old", first), "before it can judge")
        RELEASE.set()
        took["load"] = stream.wait(lambda model: model.arm == "canary", "by the canary")
        stream.goes_on(10, lambda model: model.revision == trial, "after it came into force")

        line.redis.kill()
        stream.wait(lambda model: model.stale, "that says that Redis is away")
        stream.goes_on(10, lambda model: model.revision == trial, "by the last known good")
        line.redis.start()
        stream.wait(lambda model: not model.stale, "that says that Redis is back")

        promoted = stream.advance(lifecycle.promote)
        took["promote"] = stream.wait(lambda model: model.revision == promoted, "by the promoted one")
        back = stream.advance(lifecycle.rollback)
        took["rollback"] = stream.wait(lambda model: model.revision == back, "by the former champion")

        line.digests["bad"] = "0" * 64
        line.artifact("bad").parent.mkdir(parents=True, exist_ok=True)
        line.artifact("bad").write_bytes(b"\x80\x04 not a model")
        stream.register("bad")
        stream.advance(lambda held: lifecycle.canary(held, "bad", 50, at=AT))
        stream.wait(lambda model: model.fallback is not None, "that says that the canary cannot be loaded")
        stream.goes_on(10, lambda model: model.version == "old", "with a damaged canary")
        ended = stream.advance(lifecycle.rollback)
        stream.wait(lambda model: model.revision == ended, "after the trial")
    stream.check()
    canaries = {v.image for v in stream.verdicts if v.model is not None and v.model.arm == "canary"}
    assert stream.mirrored() == canaries != set()
    print({name: round(seconds, 3) for name, seconds in took.items()})  # noqa: T201 - what it took, for `pytest -s`


def test_a_mixed_batch_is_one_pass(line: ScoreLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four plants, two kinds, two sets of stages: as many forward passes as batches, counted."""
    pools: list[ExtractorPool] = []

    def pool(device: str) -> ExtractorPool:
        pools.append(ExtractorPool(device))
        return pools[-1]

    monkeypatch.setattr(score_main, "ExtractorPool", pool)
    line.redis.start()
    plants = [f"{line.name}-{n}" for n in range(4)]
    with Registry(line.settings.redis) as registry:
        for number, plant in enumerate(plants):
            kind = ("padim", "patchcore")[number % 2]
            extractor = EXTRACTOR.model_copy(update={"stages": ((2, 3), (2,))[number // 2]})
            model = make_model(ModelSpec(kind=kind, extractor=extractor), ExtractorPool("cpu"))
            model.fit([picture(i) for i in range(6)])
            write_bundle(tmp_path / plant, model, a_card(1e9))
            digest = ArtifactStore(line.settings.store).put(tmp_path / plant)
            registry.register(VersionRecord(version=plant, digest=digest, kind=kind))
            registry.assign(PlaceKey.parse(plant), Assignment(champion=plant), expected=None, author="ada")
    photos = {f"{line.name}-{n}": plants[n % 4] for n in range(64)}
    for photo, plant in photos.items():
        line.publisher.publish(crop(photo, id=f"crop-{photo}", plant=plant, image=photo))
    line.publisher.flush(60)
    line.start()
    found: dict[str, Verdict] = {}
    deadline = time.monotonic() + PATIENCE
    while len(found) < len(photos):
        assert time.monotonic() < deadline, found.keys()
        read = line.verdicts.poll(0.5)
        if read is not None and isinstance(read[1], Verdict) and read[1].image in photos:
            found[read[1].image] = read[1]
    batches = sum(1 / (verdict.timings.batch or 0) for verdict in found.values())
    assert batches == pytest.approx(round(batches))
    (own,) = pools
    assert own.passes == round(batches) + len(plants), "one a batch, and one to warm up each model"
    assert round(batches) <= len(photos) / 4
    judges = {photo: verdict.model and verdict.model.version for photo, verdict in found.items()}
    assert judges == photos
