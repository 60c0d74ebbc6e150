"""A rollout worker on real Kafka and Redis, and a line that publishes verdicts."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
import redis

from services.rollout.main import main
from shared.bus.publisher import EventPublisher
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import Event, Fault, RolloutBreach, RolloutChanged, now
from shared.models.card import Calibration
from shared.registry import lifecycle
from shared.registry.client import Registry
from shared.registry.guard import Guard
from shared.registry.lifecycle import Transition
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, VersionRecord
from shared.settings import FaultSettings, RedisSettings, RolloutSettings, Settings, StoreSettings
from tests.integration.conftest import Kafka
from tests.unit.shared.trials.opinions import opinion

DATABASE = 9
PATIENCE = 90.0
GUARD = Guard(min_parts=20, window_s=600)


class TrialLine:
    """One plant with champion v2 and canary v3, its registry, and judges that may be started beside it."""

    def __init__(self, bus: BusSettings, redis_url: str, folder: Path) -> None:
        self.plant = f"t{uuid.uuid4().hex[:8]}"
        self.key = PlaceKey.parse(self.plant)
        self.bus = bus
        self.folder = folder
        self.redis = RedisSettings.model_validate({"url": redis_url, "timeout_s": 1.0})
        self.registry = Registry(self.redis)
        for version in ("v1", "v2", "v3"):
            good = tuple(i / 50 for i in range(51))
            calibration = Calibration(rule="manual", threshold=2.0, good_parts=200, damaged_parts=0, good_scores=good)
            record = VersionRecord(version=version, digest=version[1] * 64, kind="padim", calibration=calibration)
            self.registry.register(record)
        self.registry.assign(self.key, Assignment(champion="v2"), expected=None, author="ada")
        self.publisher = EventPublisher(
            bus.model_copy(
                update={"message_timeout_ms": 60_000, "transaction_timeout_ms": 70_000, "session_timeout_ms": 80_000}
            )
        )
        self.told: list[Event] = []
        self._reader = EventReader(bus, (RolloutChanged, RolloutBreach, Fault))
        self._photo = 0

    def settings(self, name: str) -> Settings:
        """Of one judge."""
        return Settings(
            bus=self.bus.model_copy(update={"instance": f"{self.plant}-{name}"}),
            redis=self.redis,
            store=StoreSettings(url=str(self.folder / "store"), cache_dir=self.folder / f"cache-{name}"),
            rollout=RolloutSettings(look_s=0.2),
            faults=FaultSettings(repeat_s=3600),
        )

    def step(self, action: str, step: Transition) -> None:
        """What a person does."""
        self.registry.advance(self.key, step, action=action, author="ada")

    def trial(self, guard: Guard = GUARD) -> None:
        """Put v3 on trial under `guard`."""
        begun = now()
        self.step("guard", lambda held: lifecycle.guarded(held, guard))
        self.step("canary", lambda held: lifecycle.canary(held, "v3", 20.0, at=begun))

    def stream(self, parts: int, *, bad: bool, arm: Literal["canary", "shadow"] = "canary") -> None:
        """Verdicts on so many of the trial's parts, the champion's opinion on each, and on four times as many more."""
        events: list[Event] = []
        more: dict[str, Any] = {"key": str(self.key), "at": now()}
        beside: Literal["champion", "shadow"] = "shadow" if arm == "canary" else "champion"
        for _ in range(parts):
            photo = f"{self.plant}-{self._photo}"
            score = (self._photo * 37 % 101) / 101
            self._photo += 1
            if bad:
                events.append(opinion(photo, "v3", arm, score=5.0, fails=True, **more))
            else:
                events.append(opinion(photo, "v3", arm, score=score, **more))
            events.append(opinion(photo, "v2", beside, score=score, **more))
            for other in range(4):
                other_score = ((self._photo + other * 17) * 37 % 101) / 101
                events.append(opinion(f"{photo}-{other}", "v2", "champion", score=other_score, **more))
        for future in [self.publisher.publish(event) for event in events]:
            future.result(PATIENCE)

    @contextmanager
    def judge(self, name: str = "a") -> Iterator[None]:
        """A running judge, as `linegate serve rollout` runs it."""
        stop = threading.Event()
        failure: list[BaseException] = []

        def run() -> None:
            try:
                main(self.settings(name), stop)
            except BaseException as error:  # noqa: BLE001 - handed to the test
                failure.append(error)

        thread = threading.Thread(target=run, name=f"judge-{name}")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(PATIENCE)
        assert not thread.is_alive(), "the judge did not stop"
        assert not failure, failure

    def held(self) -> Assignment:
        """The assignment as it is."""
        held = self.registry.assignment(self.key)
        assert held is not None
        return held.record

    @property
    def paused(self) -> bool:
        """Whether the trial is."""
        trial = self.held().canary
        return trial is not None and trial.paused

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until something holds, reading what is told meanwhile."""
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < deadline, (what, self.told)
            self.listen(0.1)
        return found

    def listen(self, seconds: float) -> None:
        """Take what is told of this plant."""
        if (read := self._reader.poll(seconds)) is not None:
            self._take(read[1])

    def listen_to_end(self) -> None:
        """Take all that was told by now."""
        for _, event in self._reader.read_to_end():
            self._take(event)

    def _take(self, event: object) -> None:
        ours = (isinstance(event, RolloutChanged | RolloutBreach) and event.key == str(self.key)) or (
            isinstance(event, Fault) and event.instance.startswith(self.plant)
        )
        if ours and isinstance(event, Event):
            self.told.append(event)

    def changes(self) -> list[RolloutChanged]:
        """The changes told so far."""
        return [event for event in self.told if isinstance(event, RolloutChanged)]

    def breaches(self) -> list[RolloutBreach]:
        """The breaches told so far."""
        return [event for event in self.told if isinstance(event, RolloutBreach)]

    def faults(self) -> list[tuple[str, str]]:
        """Kind and state of each fault told so far."""
        return [(event.kind, event.state) for event in self.told if isinstance(event, Fault)]

    def close(self) -> None:
        """End everything but the judges, which end by themselves."""
        self._reader.close()
        self.publisher.close()
        self.registry.close()


@pytest.fixture
def trial_redis(redis_url: str) -> Iterator[str]:
    """An empty database on the real server."""
    url = urlsplit(redis_url)._replace(path=f"/{DATABASE}").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture
def make_line(kafka: Kafka, trial_redis: str, tmp_path: Path) -> Iterator[Callable[[], TrialLine]]:
    """Make plants on one registry, and no judge yet."""
    with ExitStack() as made:

        def make() -> TrialLine:
            quick = {"message_timeout_ms": 2000, "transaction_timeout_ms": 3000, "session_timeout_ms": 6000}
            bus = BusSettings(bootstrap_servers=kafka.bootstrap_servers, **quick)
            line = TrialLine(bus, trial_redis, tmp_path)
            made.callback(line.close)
            return line

        yield make


@pytest.fixture
def line(make_line: Callable[[], TrialLine]) -> TrialLine:
    """A plant."""
    return make_line()


@pytest.fixture
def neighbour(make_line: Callable[[], TrialLine]) -> TrialLine:
    """Another one."""
    return make_line()
