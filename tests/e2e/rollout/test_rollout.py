"""Two plants from the first training to a bad version that the judge takes back, while photos stream and things die.

Writes `build/rollout/summary.json`: what was seen, from the committed verdicts and the registry's audit.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import pytest

from deploy.local.redis import RedisServer
from deploy.local.stack import LocalStack
from deploy.local.workers import worker_settings
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import (
    Event,
    PartCrop,
    PartImage,
    RolloutBreach,
    RolloutChanged,
    ShadowVerdict,
    TrainingResult,
    Verdict,
)
from shared.registry.client import Registry
from shared.registry.errors import RegistryUnavailable
from shared.registry.lifecycle import stage_of
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment
from shared.settings.sections import RedisSettings
from tests.e2e.rollout.fleet import Fleet
from tests.e2e.rollout.ledger import changes_of, summary, wrong
from tests.e2e.rollout.parts import LINE, PLANTS, Stream, write_data_set

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.timeout(540)]
REPORT: Final = Path("build/rollout/summary.json")
RATE: Final = 12.0
"""Photos a second, both plants together."""
KEY: Final = f"{PLANTS[0]}/{LINE}"
OTHER: Final = f"{PLANTS[1]}/{LINE}"
SPEC: Final = (
    *("--crop", "full_frame", "--size", "64", "--backbone", "test_efficientnet", "--stage", "1", "--stage", "2"),
    *("--weights", "random:0"),
)
EventT = TypeVar("EventT", bound=Event)


@dataclass(frozen=True, slots=True)
class Plants:
    """What the test works with."""

    bus: BusSettings
    redis: RedisServer
    fleet: Fleet
    data: Path

    def assignment(self, key: str) -> Assignment | None:
        """What is in force; None also while Redis is away."""
        with Registry(RedisSettings.model_validate({"url": self.redis.url})) as registry:
            try:
                held = registry.assignment(PlaceKey.parse(key))
            except RegistryUnavailable:
                return None
        return None if held is None else held.record

    def train(self, plant: str, version: str, *more: str) -> None:
        """A version by request; a person follows it to its end."""
        data, place = str(self.data / plant), f"{plant}/{LINE}"
        self.fleet.run("train", "request", data, "--place", place, "--version", version, "--follow", *SPEC, *more)

    def all(self, kind: type[EventT]) -> list[EventT]:
        """Every committed event of a kind, from the beginning."""
        with EventReader(self.bus, [kind], start="earliest") as reader:
            return [event for _, event in reader.read_to_end(patience=30) if isinstance(event, kind)]


@pytest.fixture(scope="module")
def plants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plants]:
    """Servers and workers of this test alone: it kills some of them."""
    folder = tmp_path_factory.mktemp("rollout")
    data = folder / "data"
    for plant in PLANTS:
        write_data_set(data, plant)
    given = {name: os.environ[name] for name in ("KAFKA_BOOTSTRAP_SERVERS",) if name in os.environ}
    with LocalStack(folder / "servers", environment=given) as stack:
        settings = worker_settings(stack, folder, port=0) | {
            "LINEGATE_TRAINING__DATA_ROOTS": str(data),
            "OMP_NUM_THREADS": "1",
        }
        assert stack.redis is not None
        with Fleet(folder, settings) as fleet:
            yield Plants(stack.bus, stack.redis, fleet, data)


def until(condition: Callable[[], object], what: str, *, patience: float = 90.0) -> None:
    """Wait for it."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"it did not come to this in {patience:.0f} s: {what}"
        time.sleep(0.2)


def verdicts_by(plants: Plants, version: str, kind: type[Verdict] = Verdict) -> int:
    """How many verdicts a version gave."""
    return sum(event.model is not None and event.model.version == version for event in plants.all(kind))


def test_rollout_of_two_plants_from_training_to_automatic_rollback(plants: Plants) -> None:
    """The main job of this part of Linegate; see the module."""
    run = plants.fleet.run
    for plant in PLANTS:
        run("rollout", "station", f"{plant}/{LINE}", "--policy", "full_frame", "--height", "64", "--width", "64")
        plants.train(plant, f"{plant}-v1", "--rule", "mean_sd=6")
        assert plants.assignment(f"{plant}/{LINE}") is None, "a candidate judges nothing"
        run("rollout", "promote", f"{plant}/{LINE}", f"{plant}-v1")
    stream = Stream(plants.bus, rate=RATE)
    stream.start()
    try:
        _second_version(plants, stream)
        _bad_version(plants, stream)
        stream.wait_for(40)
    finally:
        stream.end()
    _look_at_everything(plants, stream)


def _second_version(plants: Plants, stream: Stream) -> None:
    """Train, shadow, canary, promote; a score worker and Redis are killed on the way."""
    run = plants.fleet.run
    plants.train("munich", "munich-v2", "--rule", "mean_sd=6", "--seed", "2")
    run("rollout", "guard", KEY, "--min-parts", "20", "--max-latency-ratio", "none")
    run("rollout", "shadow", KEY, "munich-v2")
    until(lambda: verdicts_by(plants, "munich-v2", ShadowVerdict) >= 10, "the shadow looks on")
    assert verdicts_by(plants, "munich-v2") == 0, "a shadow gates nothing"
    run("rollout", "canary", KEY, "munich-v2", "--percent", "20")
    until(lambda: verdicts_by(plants, "munich-v2") >= 3, "the canary judges its share")
    plants.fleet.kill("score-a")
    stream.wait_for(20)
    plants.redis.kill()
    stream.wait_for(20)
    plants.redis.start()
    seen = verdicts_by(plants, "munich-v2")
    until(lambda: verdicts_by(plants, "munich-v2") >= seen + 5, "the canary goes on")
    run("rollout", "promote", KEY)
    held = plants.assignment(KEY)
    assert held is not None
    assert (held.champion, held.former, held.canary) == ("munich-v2", "munich-v1", None)
    stream.wait_for(30)


def _bad_version(plants: Plants, stream: Stream) -> None:
    """A version that rejects every part; nobody takes it back but the judge."""
    run = plants.fleet.run
    plants.train("munich", "munich-v3", "--rule", "manual=0")
    run("rollout", "canary", KEY, "munich-v3", "--percent", "20")
    until(lambda: verdicts_by(plants, "munich-v3") >= 1, "the bad canary judges")
    until(lambda: _champion_alone(plants), "the judge takes the bad canary back", patience=150)
    stream.wait_for(20)


def _champion_alone(plants: Plants) -> bool:
    held = plants.assignment(KEY)
    return held is not None and held.canary is None and "munich-v3" in held.retired


def _look_at_everything(plants: Plants, stream: Stream) -> None:
    sent = set(stream.sent)
    assert not stream.refused
    until(lambda: sent <= {verdict.image for verdict in plants.all(Verdict)}, "each photo has its verdict")
    with Registry(RedisSettings.model_validate({"url": plants.redis.url})) as registry:
        audit, snapshot = registry.audit(count=10_000), registry.snapshot()
    verdicts, changes = plants.all(Verdict), changes_of(audit)
    told = summary(stream.sent, verdicts, changes, bad="munich-v3")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    complaints = [reason for verdict in verdicts if (reason := wrong(verdict, changes)) is not None]
    assert not complaints, complaints[:5]
    assert (told["missing"], told["duplicates"]) == (0, 0), told
    assert told["verdicts"] == len(sent)
    assert told["auto_rollback"], told
    _no_dead_letters(plants)
    by_version = {verdict.model.version for verdict in verdicts if verdict.model is not None}
    assert by_version == {"munich-v1", "munich-v2", "munich-v3", "puebla-v1"}
    assert {v.model.version for v in verdicts if v.model and v.plant == "puebla"} == {"puebla-v1"}
    _champions_looked_on(plants, verdicts)
    _everybody_was_told(plants)
    held = snapshot.assignments[f"{KEY}/*/*/*"].record
    stages = {name: stage_of(PlaceKey.parse(KEY), held, record) for name, record in snapshot.versions.items()}
    expected = {"munich-v1": "former", "munich-v2": "champion", "munich-v3": "retired", "puebla-v1": None}
    assert stages == expected


def _no_dead_letters(plants: Plants) -> None:
    with EventReader(plants.bus, [], start="earliest", dead_letters_of=[PartImage, PartCrop]) as reader:
        assert list(reader.read_to_end(patience=30)) == []


def _champions_looked_on(plants: Plants, verdicts: list[Verdict]) -> None:
    """The parts of a canary were also scored by the champion, so that the two can be compared."""
    canaries = {v.image: v for v in verdicts if v.model is not None and v.model.arm == "canary"}
    mirrored = {v.image for v in plants.all(ShadowVerdict) if v.image in canaries}
    assert canaries
    assert len(mirrored) >= 0.9 * len(canaries)


def _everybody_was_told(plants: Plants) -> None:
    """Of each version's training, of each change, and of the breach."""
    assert {result.version for result in plants.all(TrainingResult)} == {
        "munich-v1", "munich-v2", "munich-v3", "puebla-v1"
    }  # fmt: skip
    until(lambda: any(change.automatic for change in plants.all(RolloutChanged)), "the rollback is told on Kafka")
    actions = [change.action for change in plants.all(RolloutChanged) if change.key == f"{KEY}/*/*/*"]
    assert actions == ["promote", "guard", "shadow", "canary", "promote", "canary", "rollback"]
    breaches = plants.all(RolloutBreach)
    assert {breach.version for breach in breaches} == {"munich-v3"}
    assert "reject_rise" in {breach.measure for breach in breaches}
