"""Something of everything, so that no page is empty when it is looked at."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.alerts import life
from shared.alerts.book import AlertBook
from shared.alerts.channels import Email, Mqtt, Webhook
from shared.alerts.conditions import EachFail, FailsInWindow
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.records import Silence
from shared.alerts.subscription import Escalation, Subscription
from shared.events import (
    Feedback,
    PartImage,
    TrainingProgress,
    TrainingRequest,
    TrainingResult,
    new_event_id,
    now,
)
from shared.registry import lifecycle
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment
from tests.browser.rig.labels import MUNICH, PLANTS, SPARTANBURG
from tests.browser.rig.works import Works, until

ROUNDS: Final = 12
DAMAGED: Final = frozenset({1, 4, 5, 9, 11})
"""Of the rounds."""
PLACE: Final = PlaceKey.parse(f"{SPARTANBURG.name}/{SPARTANBURG.line}")


@dataclass(frozen=True, slots=True)
class Shift:
    """What pages are about."""

    fail: PartImage
    """The photo of a damaged part of Munich."""
    alert: str
    """Id of an open alert."""


@contextmanager
def shift(works: Works) -> Iterator[Shift]:
    """Photos, feedback, alerts, a silence, a trial and training jobs, for the length of a block."""
    with ExitStack() as end, AlertBook(works.redis) as book:
        end.enter_context(_trial(works))
        wanted = _subscriptions(works)
        with SubscriptionDesk(works.redis) as desk:
            silence = _silence()
            revision = desk.put_silence(silence)
            end.callback(_remove_silence, works, silence.id, revision)
        for record in wanted:
            end.enter_context(subscribed(works, record))
        fails = _photos(works)
        _jobs(works)
        until(lambda: {held.record.subscription for held in book.open_alerts()} >= {w.id for w in wanted}, "all fired")
        (taken,) = (held.record for held in book.open_alerts() if held.record.subscription == wanted[0].id)
        note = "I look at the tool"
        book.take(taken.id, life.acknowledge("key:kim", note), wanted[0], by="key:kim", note=note)
        yield Shift(fails[-1], taken.id)


@contextmanager
def subscribed(works: Works, record: Subscription) -> Iterator[Subscription]:
    """A subscription for the length of a block; what it fired is resolved then."""
    with SubscriptionDesk(works.redis) as desk, AlertBook(works.redis) as book:
        revision = desk.put_subscription(record, expected=None, author="test")
        try:
            yield record
        finally:
            desk.remove_subscription(record.id, expected=revision, author="test")
            for held in book.open_alerts():
                if held.record.subscription == record.id:
                    book.take(held.record.id, life.resolve("test", ""), None, by="test")


@contextmanager
def _trial(works: Works) -> Iterator[None]:
    """A share of Spartanburg's parts is judged by version 2."""

    def begin(held: Assignment | None) -> Assignment:
        return lifecycle.canary(held, f"{SPARTANBURG.name}-2", percent=30, at=now())

    def end(held: Assignment | None) -> Assignment:
        return lifecycle.rollback(held, "canary")

    with Registry(works.redis) as registry:
        registry.advance(PLACE, begin, action="canary", author="test", note="a stricter threshold")
        try:
            yield
        finally:
            registry.advance(PLACE, end, action="rollback", author="test")


def _remove_silence(works: Works, name: str, revision: int) -> None:
    with SubscriptionDesk(works.redis) as desk:
        desk.remove_silence(name, expected=revision, author="test")


def _photos(works: Works) -> list[PartImage]:
    """Both lines for a while; answers Munich's damaged ones, which somebody has looked at in part."""
    fails = []
    for number in range(ROUNDS):
        for plant in PLANTS:
            photo = works.send(plant, f"VIN-{plant.layout}-{4200 + number}", number, damaged=number in DAMAGED)
            if plant == MUNICH and number in DAMAGED:
                fails.append(photo)
    works.verdict(fails[-1])
    for photo, finding, note in ((fails[0], "confirmed_damage", ""), (fails[1], "false_alarm", "glare of a lamp")):
        word = Feedback.model_validate({
            **photo.model_dump(include={"part", "plant", "line", "station", "layout", "camera", "captured"}),
            "image": photo.id, "finding": finding, "note": note, "by": "key:kim",
        })  # fmt: skip
        works.publisher.publish(word).result(30)
    return fails


def _subscriptions(works: Works) -> tuple[Subscription, ...]:
    webhook = Webhook(name="mes", url=works.webhooks.url("shift-mes"))
    return (
        Subscription(
            id="shift-each",
            title="Damaged labels, line 1",
            scope=PlaceKey.parse(f"{MUNICH.name}/{MUNICH.line}"),
            condition=EachFail(),
            channels=(Email(name="mail", to=("shift@plant.example",)),),
            escalation=Escalation(after_s=900, channels=(Email(name="boss", to=("boss@plant.example",)),)),
        ),
        Subscription(
            id="shift-three",
            title="Three in five minutes",
            scope=PlaceKey.parse(SPARTANBURG.name),
            condition=FailsInWindow(fails=3, minutes=5),
            severity="critical",
            channels=(webhook, Mqtt(name="lamp", topic="andon/spartanburg/line-1")),
        ),
    )


def _silence() -> Silence:
    return Silence(
        id="shift-maintenance",
        scope=PlaceKey.parse(f"{MUNICH.name}/line-2"),
        begin=now() - timedelta(hours=1),
        end=now() + timedelta(hours=2),
        by="key:kim",
        note="The printer is being cleaned",
    )


def _jobs(works: Works) -> None:
    """One that runs, one that is done, one that failed."""
    for state in ("running", "done", "failed"):
        job, place = new_event_id(), f"{MUNICH.name}/{MUNICH.line}"
        events = [TrainingRequest(job=job, place=place, data="file:///photos/munich", author="key:kim", note=state)]
        events.append(
            TrainingProgress(job=job, state="running", stage="features", done=120, total=300, worker="trainer-1")
            if state == "running"
            else TrainingResult(
                job=job,
                place=place,
                state=state,
                version=f"{MUNICH.name}-2" if state == "done" else None,
                digest="0" * 64 if state == "done" else None,
                metrics={"auroc": 0.981} if state == "done" else {},
                threshold=33.0 if state == "done" else None,
                reason="the folder holds no photos" if state == "failed" else None,
                hint="give it good ones" if state == "failed" else None,
                seconds=93.0,
            )
        )
        for event in events:
            works.publisher.publish(event).result(30)
