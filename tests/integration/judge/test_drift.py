"""The drift monitor in the rollout worker, on real Kafka and Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.bus.settings import BusSettings
from shared.events import Fault, now
from shared.registry.records import Assignment
from shared.settings import DriftSettings, Settings
from tests.integration.conftest import Kafka
from tests.integration.judge.conftest import PATIENCE, TrialLine
from tests.unit.services.rollout.drift.streams import near, normal, record, verdicts

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


class DriftLine(TrialLine):
    """A plant whose champion knows its held-out parts."""

    def __init__(self, bus: BusSettings, redis_url: str, folder: Path) -> None:
        super().__init__(bus, redis_url, folder)
        self.registry.register(record("v7"))
        revision = self.registry.assignment(self.key)
        assert revision is not None
        self.registry.assign(self.key, Assignment(champion="v7"), expected=revision.revision, author="ada")

    def settings(self, name: str) -> Settings:
        """With a small window."""
        limits = DriftSettings(window_parts=120, min_parts=100, window_s=3600)
        return super().settings(name).model_copy(update={"drift": limits})

    def judged(self, scores: list[float], distances: list[float], name: str) -> None:
        """Publish the champion's verdicts on so many parts."""
        name = f"{self.plant}-{name}"
        made = verdicts(scores, distances, key=str(self.key), start=now(), every_s=1e-4, version="v7", name=name)
        for future in [self.publisher.publish(verdict) for verdict in made]:
            future.result(PATIENCE)

    def drift(self, worker: str) -> dict[str, str]:
        """Latest state of each kind of drift, as one worker told it."""
        of = f"{self.plant}-{worker}"
        return {
            event.kind: event.state
            for event in self.told
            if isinstance(event, Fault) and event.instance == of and event.kind.endswith("_drift")
        }


@pytest.fixture
def drift_line(kafka: Kafka, trial_redis: str, tmp_path: Path) -> Iterator[DriftLine]:
    """A plant, and no worker yet."""
    made = DriftLine(BusSettings(bootstrap_servers=kafka.bootstrap_servers), trial_redis, tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_drift_is_told_survives_a_restart_and_ends(drift_line: DriftLine) -> None:
    """Parts like the held-out ones are quiet, changed ones raise both faults (in a new worker too), good ones clear."""
    line = drift_line
    both = {"score_drift", "embedding_drift"}
    with line.judge("a"):
        line.judged(normal(150, 0), near(150, 1), "calm")
        line.judged(normal(150, 2, at=1.5), near(150, 3, at=1.5), "changed")
        line.wait(lambda: line.drift("a") == dict.fromkeys(both, "raised"), "both faults")
    fault = next(event for event in line.told if isinstance(event, Fault) and event.kind == "embedding_drift")
    assert (fault.plant, fault.line, fault.camera, fault.version) == (line.plant, "line-1", "stationary", "v7")
    assert fault.expires is not None
    with line.judge("b"):
        line.wait(lambda: line.drift("b") == dict.fromkeys(both, "raised"), "both faults, by the second worker")
        line.judged(normal(150, 4), near(150, 5), "calm-again")
        line.wait(lambda: line.drift("b") == dict.fromkeys(both, "cleared"), "the end of both")
