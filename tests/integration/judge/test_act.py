"""What follows from a breach, on a real registry: once, by the guard's policy, and never against whoever was faster."""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from services.rollout.act import Acting
from shared.bus.publisher import PublishFailed
from shared.events import Event, RolloutBreach, now
from shared.faults import NO_FAULTS
from shared.registry import lifecycle
from shared.registry.client import Registry
from shared.registry.errors import RegistryUnavailable
from shared.registry.place_key import PlaceKey
from shared.registry.records import Advanced, Assignment, VersionRecord
from shared.settings import RedisSettings
from shared.trials.measures.measure import Measure
from shared.trials.trial import Standing, trials

pytestmark = pytest.mark.redis
KEY = PlaceKey.parse("munich")
BAD = Measure("reject_rise", 0.05, 0.5, 0.4, breach=True, trial_parts=50, champion_parts=50, told="bad")
SLOW = Measure("latency_ratio", 3.0, 9.0, 8.0, breach=True, trial_parts=50, champion_parts=50, told="slow")
FINE = Measure("psi", 0.5, 0.1, 0.1)


class Kafka:
    """Takes events, or not."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.away = False

    def __call__(self, event: Event) -> "Future[Any]":
        """As `EventPublisher.publish`."""
        future: Future[Any] = Future()
        if self.away:
            future.set_exception(PublishFailed("away"))
        else:
            self.events.append(event)
            future.set_result(None)
        return future

    def told(self) -> list[tuple[str, str]]:
        """Measure and action of each breach."""
        return [(event.measure, event.action) for event in self.events if isinstance(event, RolloutBreach)]


class AnswerLost(Registry):
    """Redis does what it is asked, and goes away before it answers."""

    def advance(self, *arguments: Any, **options: Any) -> Advanced:
        """Done, and not known to be."""
        super().advance(*arguments, **options)
        raise RegistryUnavailable("the registry (Redis) does not answer")


@pytest.fixture
def settings(trial_redis: str) -> RedisSettings:
    """Of an empty registry."""
    return RedisSettings.model_validate({"url": trial_redis})


@pytest.fixture
def registry(settings: RedisSettings) -> Iterator[Registry]:
    """Champion v2, canary v3."""
    with Registry(settings) as registry:
        for version in ("v2", "v3"):
            registry.register(VersionRecord(version=version, digest=version[1] * 64, kind="padim"))
        registry.assign(KEY, Assignment(champion="v2"), expected=None, author="ada")
        step(registry, "canary", lambda held: lifecycle.canary(held, "v3", 20.0, at=now()))
        yield registry


def step(registry: Registry, action: str, transition: lifecycle.Transition) -> None:
    """What a person does."""
    registry.advance(KEY, transition, action=action, author="ada")


def guarded(registry: Registry, **changes: object) -> None:
    """A person changes the guard."""
    step(registry, "guard", lambda held: lifecycle.guarded(held, changes))


def standing(registry: Registry) -> list[Standing]:
    """The trials as the registry has them."""
    return [one for found in trials(registry.snapshot()).values() for one in found]


def look(acting: Acting, seen: list[Standing], *measures: Measure) -> None:
    """One look in which every trial measures so."""
    for one in seen:
        acting.on(one, measures)
    acting.end_look(seen)


def test_whoever_was_faster_is_looked_at_again(registry: Registry) -> None:
    """By an outdated view nothing is done and nothing told; by the next one it is."""
    kafka = Kafka()
    acting = Acting(registry, kafka, faults=NO_FAULTS)
    before = standing(registry)
    step(registry, "canary", lambda held: lifecycle.canary(held, "v3", 50.0, at=now()))
    look(acting, before, BAD)
    assert kafka.told() == []
    assert registry.snapshot().assignments[KEY.root].record.canary is not None
    look(acting, standing(registry), BAD, FINE)
    assert kafka.told() == [("reject_rise", "rollback")]
    assert registry.snapshot().assignments[KEY.root].record.canary is None


def test_a_snapshot_that_is_behind_does_not_make_it_act_twice(registry: Registry) -> None:
    """The change takes a moment to come round."""
    kafka = Kafka()
    acting = Acting(registry, kafka, faults=NO_FAULTS)
    before = standing(registry)
    look(acting, before, BAD)
    look(acting, before, BAD, SLOW)
    assert kafka.told() == [("reject_rise", "rollback")]
    assert [entry.action for entry in registry.history() if entry.author == "judge"] == ["rollback"]


def test_each_measure_is_told_once_and_a_stricter_policy_is_obeyed(registry: Registry) -> None:
    """Alert, then a second measure, then the policy becomes `pause`; a process that comes later knows it all."""
    guarded(registry, action="alert")
    kafka = Kafka()
    told: dict[str, str] = {}
    acting = Acting(registry, kafka, faults=NO_FAULTS, told=told)
    for _ in range(3):
        look(acting, standing(registry), BAD)
    look(acting, standing(registry), BAD, SLOW)
    assert kafka.told() == [("reject_rise", "alert"), ("latency_ratio", "alert")]
    guarded(registry, action="pause")
    later = Acting(registry, kafka, faults=NO_FAULTS, told=dict(told))
    look(later, standing(registry), BAD)
    look(later, standing(registry), BAD)
    assert kafka.told()[2:] == [("reject_rise", "pause")]
    held = registry.snapshot().assignments[KEY.root].record
    assert held.canary is not None
    assert held.canary.paused
    guarded(registry, action="alert")
    look(later, standing(registry), BAD)
    assert len(kafka.told()) == 3, "a milder policy has nothing to add"
    assert len({event.id for event in kafka.events}) == 3


def test_what_kafka_did_not_take_is_told_again(registry: Registry) -> None:
    """The trial is ended all the same."""
    kafka = Kafka()
    kafka.away = True
    acting = Acting(registry, kafka, faults=NO_FAULTS)
    look(acting, standing(registry), BAD)
    assert registry.snapshot().assignments[KEY.root].record.canary is None
    look(acting, standing(registry))
    kafka.away = False
    look(acting, standing(registry))
    look(acting, standing(registry))
    assert kafka.told() == [("reject_rise", "rollback")]


def test_a_change_whose_answer_was_lost_is_told_all_the_same(settings: RedisSettings, registry: Registry) -> None:
    """The audit knows that it was ours; what a person did meanwhile is not."""
    kafka = Kafka()
    with AnswerLost(settings) as lossy:
        acting = Acting(lossy, kafka, faults=NO_FAULTS)
        look(acting, standing(registry), BAD)
        assert kafka.told() == []
        look(acting, standing(registry))
        assert kafka.told() == [("reject_rise", "rollback")]


def test_a_redis_that_is_away_is_waited_for(registry: Registry) -> None:
    """Nothing is told that was not done; a person may end the trial meanwhile."""
    kafka = Kafka()
    nowhere = RedisSettings.model_validate({"url": "redis://127.0.0.1:9/0", "timeout_s": 0.2})
    with Registry(nowhere) as away:
        acting = Acting(away, kafka, faults=NO_FAULTS)
        look(acting, standing(registry), BAD)
        step(registry, "rollback", lifecycle.rollback)
        look(acting, standing(registry))
    assert kafka.told() == []
    assert [entry.author for entry in registry.history(1)] == ["ada"]
