"""The whole job of each principal at Kafka, as its service does it: with the service's own clients and the bus loop."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from services.answers import AnswerFeed
from services.console.live.feed import live_feed
from services.console.live.health import GROUPS, ask
from services.console.live.memory import Memory
from services.dlq.entry import Wanted
from services.dlq.shelf import stops
from services.dlq.work import Order, find, settle
from services.gateway.probe import KafkaProbe
from services.labels.feed import VerdictFeed as LabelsFeed
from services.labels.index import VerdictIndex
from services.labels.main import Recent
from services.labels.metrics import LabelMetrics
from services.labels.step import LabelStep
from services.rollout.feed import VerdictFeed
from services.rollout.told import Told, read_told
from shared.bus.clients import open_admin, open_consumer
from shared.bus.dead_letter import dead_letter
from shared.bus.envelope import encode
from shared.bus.errors import DeadLetterFloodError
from shared.bus.group_offsets import GroupOffsets
from shared.bus.loop import Worker
from shared.bus.publisher import EventPublisher
from shared.bus.reader import EventReader
from shared.bus.record import Record
from shared.bus.settings import BusSettings
from shared.bus.step import DeadLetter, Emit, Result
from shared.bus.topics import ensure_topics
from shared.events import (
    Check,
    DeadLetterStop,
    Event,
    Fault,
    Feedback,
    Judged,
    LabelledPart,
    ModelStamp,
    PartAnomalyMap,
    PartCrop,
    PartImage,
    RolloutBreach,
    ShadowVerdict,
    Timings,
    TrainingCancelled,
    TrainingProgress,
    TrainingRequest,
    TrainingResult,
    Verdict,
    derived_event_id,
    now,
)
from shared.evidence import EvidenceRef, LiveEvidence
from shared.registry.snapshot import Snapshot
from shared.training_jobs.views import all_jobs
from shared.training_jobs.views import open_reader as job_reader
from training.worker.desk import ResultDesk
from training.worker.intake import queued
from training.worker.result import failed_result

PATIENCE = 30.0
Consumed = type[Event] | Sequence[type[Event]]
BAD = "bad-"
"""Parts so named become dead letters."""


class Reporting(logging.Handler):
    """Keeps what the bus warned of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.lines.append(record.getMessage())


@contextmanager
def quiet() -> Iterator[None]:
    """The bus says no word of missing rights for the length of a block."""
    handler = Reporting()
    logger = logging.getLogger("shared.bus")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    assert not [line for line in handler.lines if "uthoriz" in line], handler.lines


@dataclass
class Observer:
    """Sees what is published, as somebody who may see everything: the pairs of topic and photo."""

    bus: BusSettings
    types: tuple[type[Event], ...]
    dead_of: tuple[type[Event], ...]
    seen: set[tuple[str, str]] = field(default_factory=set)

    def __enter__(self) -> Self:
        self._readers = [EventReader(self.bus, self.types, dead_letters_of=self.dead_of)]
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._readers:
            reader.close()

    def wait(self, wanted: set[tuple[str, str]], check: Callable[[], None]) -> None:
        """Until all of `wanted` was seen; `check` raises where that is hopeless."""
        deadline = time.monotonic() + PATIENCE
        while not wanted <= self.seen:
            check()
            assert time.monotonic() < deadline, f"not seen: {wanted - self.seen}"
            for reader in self._readers:
                while (read := reader.poll(0.02)) is not None:
                    self.seen.add((read[0].topic, _photo_of(*read)))


def _photo_of(record: Record, event: Any) -> str:
    if record.topic.endswith(".dlq"):
        headers = dict(record.headers)
        return (headers.get("ce_image") or headers.get("ce_id") or b"").decode()
    return str(getattr(event, "image", None) or getattr(event, "id", None))


def an_image(part: str, **more: object) -> PartImage:
    """A photo."""
    return PartImage.model_validate(
        {
            "id": f"photo-{uuid.uuid4().hex[:12]}", "part": part, "plant": "munich", "line": "line-1",
            "captured": now(), "pixels": b"\xff\xd8", "mediatype": "image/jpeg",
        }
        | more
    )  # fmt: skip


def _place(event: Any) -> dict[str, Any]:
    return dict(event.model_dump(include={"part", "plant", "line", "station", "layout", "camera", "captured"}))


def a_crop(image: PartImage) -> PartCrop:
    """The crop of a photo."""
    return PartCrop.model_validate(
        _place(image)
        | {
            "id": derived_event_id(image.id, "crop"), "image": image.id, "pixels": image.pixels,
            "mediatype": image.mediatype, "presence": Check(name="presence", result="skipped"),
            "policy": "full_frame", "timings": Timings(),
        }
    )  # fmt: skip


def a_verdict(crop: PartCrop, kind: type[Verdict] = Verdict) -> Verdict:
    """A verdict on a crop."""
    model = ModelStamp(
        version="v1", digest="0" * 64, kind="padim", arm="champion", assignment="*/*/*/*/*", revision=1
    )  # fmt: skip
    check = Check(name="damage", result="pass", score=1.0, threshold=2.0)
    return kind.model_validate(
        _place(crop)
        | {
            "id": derived_event_id(crop.image, kind.TOPIC), "image": crop.image, "decision": "pass",
            "checks": (check,), "model": model, "timings": Timings(),
        }
    )  # fmt: skip


def a_map(crop: PartCrop) -> PartAnomalyMap:
    """A map of a crop."""
    return PartAnomalyMap.model_validate(
        _place(crop)
        | {
            "id": derived_event_id(crop.image, "map"), "image": crop.image, "version": "v1", "low": 0.0, "high": 1.0,
            "pixels": b"\x89PNG", "mediatype": "image/png",
        }
    )  # fmt: skip


@contextmanager
def working(worker: Worker | VerdictFeed) -> Iterator[Callable[[], None]]:
    """Run `worker` in a thread for the length of a block; gives a check that raises what ended the worker."""
    stop = threading.Event()
    failure: list[BaseException] = []

    def run() -> None:
        try:
            worker.run(stop)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failure.append(error)

    def check() -> None:
        if failure:
            raise failure[0]

    thread = threading.Thread(target=run, name="worker")
    thread.start()
    try:
        yield check
    finally:
        stop.set()
        thread.join()
    check()


def _crop_step(batch: Sequence[PartImage]) -> list[Result]:
    return [
        DeadLetter("the picture is damaged") if image.part.startswith(BAD) else Emit((a_crop(image),))
        for image in batch
    ]


def _score_step(batch: Sequence[PartCrop]) -> list[Result]:
    return [
        DeadLetter("the picture is damaged")
        if crop.part.startswith(BAD)
        else Emit((a_verdict(crop), a_verdict(crop, ShadowVerdict), a_map(crop)))
        for crop in batch
    ]


def publish(bus: BusSettings, *events: Event) -> None:
    """Publish, and wait until the broker has them."""
    with EventPublisher(bus) as publisher:
        for future in [publisher.publish(event) for event in events]:
            future.result(PATIENCE)


def a_fault(worker: str) -> Fault:
    """The word that something is amiss, and over."""
    return Fault(
        key=f"clock_skew/{worker}", kind="clock_skew", state="cleared", severity="warning", worker=worker,
        instance="test", detail="the camera's clock is off", since=now(),
    )  # fmt: skip


def _floods(step: Callable[[Sequence[Any]], list[Result]], consumes: Consumed, name: str, bus: BusSettings) -> None:
    """Run a worker that may write one dead letter until it stops their topic; let the topic go on afterwards."""
    stop = threading.Event()
    too_long = threading.Timer(PATIENCE, stop.set)
    too_long.start()
    limited = bus.model_copy(update={"dead_letters_per_minute": 1})
    try:
        Worker(step, consumes=consumes, name=name, settings=limited).run(stop)
    except DeadLetterFloodError:
        return
    finally:
        too_long.cancel()
    raise AssertionError("the flood of dead letters was not stopped")


def _go_on(superuser: BusSettings, topic: str) -> None:
    with EventPublisher(superuser) as publisher:
        word = DeadLetterStop(topic=topic, stopped=False, by="test")
        publisher.publish(word).result(PATIENCE)


def camera_job(bus: BusSettings) -> None:
    """A camera's: hand in a photo."""
    publish(bus, an_image("of-a-camera"))


def crop_job(bus: BusSettings, superuser: BusSettings) -> None:
    """The crop worker's: a good photo and a bad one, each with its offset; a fault to tell; and a flood of bad ones."""
    good, bad = an_image("good"), an_image(f"{BAD}photo")
    with quiet(), Observer(superuser, (PartCrop,), (PartImage,)) as observer:
        publish(superuser, good, bad)
        publish(bus, a_fault("crop"))
        worker = Worker(_crop_step, consumes=PartImage, name="crop", settings=bus)
        with working(worker) as check:
            observer.wait({("linegate.crops", good.id), ("linegate.images.dlq", bad.id)}, check)
        publish(superuser, *(an_image(f"{BAD}flood") for _ in range(2)))
        _floods(_crop_step, PartImage, "crop", bus)
        _go_on(superuser, "linegate.images.dlq")


def score_job(bus: BusSettings, superuser: BusSettings) -> None:
    """The score worker's: verdict, shadow verdict and map of a good crop, the dead letter of a bad one; and a fault."""
    good, bad = a_crop(an_image("good")), a_crop(an_image(f"{BAD}crop"))
    wanted = {(topic, good.image) for topic in ("linegate.verdicts", "linegate.verdicts.shadow", "linegate.maps")}
    observed = (Verdict, ShadowVerdict, PartAnomalyMap)
    with quiet(), Observer(superuser, observed, (PartCrop,)) as observer:
        publish(superuser, good, bad)
        publish(bus, a_fault("score"))
        worker = Worker(_score_step, consumes=PartCrop, name="score", settings=bus)
        with working(worker) as check:
            observer.wait(wanted | {("linegate.crops.dlq", bad.image)}, check)
        publish(superuser, *(a_crop(an_image(f"{BAD}flood")) for _ in range(2)))
        _floods(_score_step, PartCrop, "score", bus)
        _go_on(superuser, "linegate.crops.dlq")


def gateway_job(bus: BusSettings, superuser: BusSettings) -> None:
    """The gateway's: hand in photos, see their answers come, hand in feedback, ask whether Kafka answers."""
    answered: dict[str, threading.Event] = {name: threading.Event() for name in ("good", "lost-photo", "lost-crop")}
    photos = {name: an_image(name) for name in answered}
    names = {photo.id: name for name, photo in photos.items()}

    def heard(image: str) -> None:
        if image in names:
            answered[names[image]].set()

    feed = AnswerFeed(bus, on_verdict=lambda v: heard(v.image), on_dead_letter=lambda letter: heard(letter.image))
    with quiet(), feed:
        feed.wait_current(5.0)
        publish(bus, *photos.values(), a_word(photos["good"]))
        publish(superuser, a_verdict(a_crop(photos["good"])))
        with EventPublisher(superuser) as publisher:
            for event in (photos["lost-photo"], a_crop(photos["lost-crop"])):
                record = encode(event)
                consumed = Record(record.topic, 0, 0, 0, record.key, record.value, record.headers)
                publisher.publish_record(dead_letter(consumed, "damaged", worker="test")).result(PATIENCE)
        for name, event in answered.items():
            assert event.wait(PATIENCE), name
        assert KafkaProbe(bus).reachable()


def rollout_job(bus: BusSettings, superuser: BusSettings) -> None:
    """The judge's: see verdicts and shadow verdicts, tell a breach, read what was told before; and a fault."""
    crop = a_crop(an_image("good"))
    watching = _Watching({a_verdict(crop).id, a_verdict(crop, ShadowVerdict).id})
    feed = VerdictFeed(bus, [watching], snapshot=Snapshot, window_s=lambda _: 60.0, look_s=0.1)
    with quiet():
        with working(feed) as check:
            watching.wait(lambda: watching.looked, check)
            publish(superuser, a_verdict(crop), a_verdict(crop, ShadowVerdict))
            watching.wait(lambda: not watching.wanted, check)
        breach = RolloutBreach(
            key="plant/*/*/*/*", version="v2", champion="v1", arm="canary", measure="psi", value=1.0, limit=0.5,
            trial_parts=50, champion_parts=50, action="alert", detail="test",
        )  # fmt: skip
        publish(bus, breach)
        publish(bus, a_fault("rollout"))
        told = Told()
        read_told(bus, told)
        assert breach.id in told.breaches


class _Watching:
    """Waits for verdicts."""

    def __init__(self, wanted: set[str]) -> None:
        self.wanted = wanted
        self.looked = False

    def saw(self, verdict: Verdict) -> None:
        """One came."""
        self.wanted.discard(verdict.id)

    def look(self, now: datetime, snapshot: Snapshot) -> None:
        """The feed is at the end of what there was."""
        del now, snapshot
        self.looked = True

    def wait(self, condition: Callable[[], bool], check: Callable[[], None]) -> None:
        """Until it holds; `check` raises where that is hopeless."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            check()
            assert time.monotonic() < deadline, f"not seen: {self.wanted}"
            time.sleep(0.05)


def a_word(image: PartImage, **more: object) -> Feedback:
    """What was found about the part of a photo."""
    return Feedback.model_validate(
        _place(image) | {"image": image.id, "finding": "confirmed_good", "by": "test"} | more
    )


def labels_job(bus: BusSettings, superuser: BusSettings) -> None:
    """The labels worker's: feedback to its label, a word on no verdict to its dead letter, a fault, a flood."""
    good, unknown = an_image("good"), an_image("unknown")
    index = VerdictIndex(100)
    with quiet(), Observer(superuser, (LabelledPart,), (Feedback,)) as observer:
        with LabelsFeed(bus, index, read_back=timedelta(minutes=5)) as feed:
            step = LabelStep(Recent(index, feed), metrics=LabelMetrics(), remembers="the latest verdicts")
            lost = a_word(unknown)
            publish(superuser, a_verdict(a_crop(good)), a_word(good), lost)
            publish(bus, a_fault("labels"))
            worker = Worker(step, consumes=Feedback, name="labels", settings=bus)
            with working(worker) as check:
                observer.wait({("linegate.labels", good.id), ("linegate.feedback.dlq", lost.id)}, check)
            publish(superuser, *(a_word(an_image("flood")) for _ in range(2)))
            _floods(step, Feedback, "labels", bus)
        _go_on(superuser, "linegate.feedback.dlq")


def archive_job(bus: BusSettings, superuser: BusSettings) -> None:
    """The archive worker's: verdicts and maps taken, pictures fetched, bad ones to dead letters; a fault, a flood."""
    good = an_image("good")
    crop = a_crop(good)
    with EventPublisher(superuser) as publisher:
        photo_at, crop_at = (publisher.publish(event).result(PATIENCE) for event in (good, crop))
    with quiet(), LiveEvidence(bus) as live, Observer(superuser, (), (Verdict, PartAnomalyMap)) as observer:
        places = {
            "photo": f"{photo_at.partition}@{photo_at.offset}",
            "crop": f"{crop_at.partition}@{crop_at.offset}",
        }
        seen = a_verdict(crop).model_copy(update=places)
        assert live.get(seen, "photo") == good.pixels
        assert live.get(seen, "crop") == crop.pixels
        publish(bus, a_fault("archive"))
        bad = a_crop(an_image(f"{BAD}verdict"))
        bad_verdict = a_verdict(bad)
        publish(superuser, seen, a_map(crop), bad_verdict, a_map(bad))
        worker = Worker(_archive_step, consumes=(Verdict, PartAnomalyMap), name="archive", settings=bus)
        with working(worker) as check:
            observer.wait({("linegate.verdicts.dlq", bad_verdict.id), ("linegate.maps.dlq", bad.image)}, check)
        publish(superuser, *(a_verdict(a_crop(an_image(f"{BAD}flood"))) for _ in range(2)))
        _floods(_archive_step, Verdict, "archive", bus)
        _go_on(superuser, "linegate.verdicts.dlq")


def _archive_step(batch: Sequence[Verdict | PartAnomalyMap]) -> list[Result]:
    return [DeadLetter("too large a number") if event.part.startswith(BAD) else Emit(()) for event in batch]


def refit_job(bus: BusSettings, superuser: BusSettings) -> None:
    """A person's: read labels, verdicts, shadow verdicts and photos."""
    photo = an_image("good")
    crop = a_crop(photo)
    said = a_word(photo, judged=Judged.of(a_verdict(crop))).model_dump(exclude={"id"})
    label = LabelledPart.model_validate(said | {"label": "good", "feedback": "word"})
    publish(superuser, photo, a_verdict(crop), a_verdict(crop, ShadowVerdict), label)
    with quiet():
        for kind in (LabelledPart, Verdict, ShadowVerdict, PartImage):
            with EventReader(bus, (kind,), start="earliest") as reader:
                read = [event for _, event in reader.read_to_end(patience=PATIENCE)]
            assert photo.id in {getattr(event, "image", None) or getattr(event, "id", None) for event in read}, kind


def a_request(data: str = "tiles", **more: object) -> TrainingRequest:
    """A version that somebody wants."""
    base = {"job": uuid.uuid4().hex, "place": "munich", "data": data, "author": "test"}
    return TrainingRequest.model_validate(base | more)


def _training_step(batch: Sequence[TrainingRequest]) -> list[Result]:
    return [
        DeadLetter("not below a root") if request.data.startswith(BAD) else Emit((queued(request),))
        for request in batch
    ]


def trainer_job(bus: BusSettings, superuser: BusSettings) -> None:
    """The training service's: a good request and one that it refuses, progress, one result, a fault, and a flood."""
    good, bad = a_request(), a_request(f"{BAD}data")
    types = (TrainingProgress, TrainingResult)
    with quiet(), Observer(superuser, types, (TrainingRequest,)) as observer:
        publish(superuser, good, bad)
        publish(bus, a_fault("train"))
        worker = Worker(_training_step, consumes=TrainingRequest, name="train", settings=bus)
        told, desk = TrainingProgress(job=good.job, state="running"), ResultDesk(bus)
        result = failed_result(good, "bad data", None, attempts=1)
        wanted = {
            ("linegate.training.progress", queued(good).id),
            ("linegate.training.progress", told.id),
            ("linegate.training.results", result.id),
            ("linegate.training.requests.dlq", bad.id),
        }
        with working(worker) as check:
            publish(bus, told)
            assert desk.give(result, good.time, check=lambda: None) == result
            assert desk.given(good.job, good.time) is not None
            observer.wait(wanted, check)
        publish(superuser, *(a_request(f"{BAD}flood") for _ in range(2)))
        _floods(_training_step, TrainingRequest, "train", bus)
        _go_on(superuser, "linegate.training.requests.dlq")


def engineer_job(bus: BusSettings, superuser: BusSettings) -> None:
    """A person's: ask for a version, cancel a job, and see what became of each."""
    done, running, refused = a_request(), a_request(), a_request()
    publish(bus, done, running, TrainingCancelled(job=running.job, by="test"))
    publish(
        superuser,
        TrainingProgress(job=running.job, state="running", stage="crop"),
        failed_result(done, "bad data", None, attempts=1),
    )
    with EventPublisher(superuser) as publisher:
        record = encode(refused)
        consumed = Record(record.topic, 0, 0, 0, record.key, record.value, record.headers)
        publisher.publish_record(dead_letter(consumed, "no such root", worker="test")).result(PATIENCE)
    with quiet():
        views = all_jobs(bus)
        assert [views[one.job].state for one in (done, running, refused)] == ["failed", "running", "refused"]


def results_job(bus: BusSettings, superuser: BusSettings) -> None:
    """A PLC's or an archive's: verdicts by a group of its own, committed as it goes."""
    verdict = a_verdict(a_crop(an_image("good")))
    publish(superuser, verdict)
    consumer = open_consumer(bus, **{"group.id": "results-archive", "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([Verdict.TOPIC])
        deadline = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline
            message = consumer.poll(0.1)
            if message is None:
                continue
            error = message.error()
            assert error is None, error.str()
            consumer.commit(message, asynchronous=False)
            if verdict.id.encode() in (value for _, value in message.headers() or ()):
                return
    finally:
        consumer.close()


def dlq_job(bus: BusSettings, superuser: BusSettings) -> None:
    """A person's: see all letters, send four again, give one up, let a stopped topic go on."""
    ids = []
    with quiet():
        with EventPublisher(superuser) as publisher:
            for event in (
                an_image("lost"),
                a_crop(an_image("lost")),
                a_word(an_image("lost")),
                a_request(),
                an_image("given-up"),
            ):
                record = encode(event)
                consumed = Record(record.topic, 0, 0, 0, record.key, record.value, record.headers)
                letter = publisher.publish_record(dead_letter(consumed, "damaged", worker="test")).result(PATIENCE)
                ids.append(f"{letter.topic}/{letter.partition}/{letter.offset}")
            stopped = DeadLetterStop(topic="linegate.verdicts.dlq", stopped=True, by="test")
            publisher.publish(stopped).result(PATIENCE)
        letters = {entry.id: entry for entry in find(bus, Wanted(), [])}
        again, up = [letters[one] for one in ids[:-1]], [letters[ids[-1]]]
        for chosen, replay in ((again, True), (up, False)):
            order = Order(replay=replay, by="test", note=None, rate=1000.0)
            assert len(settle(bus, chosen, order, lambda _: None).done) == len(chosen)
        assert "linegate.verdicts.dlq" in {stop.topic for stop in stops(bus)}
        _go_on(bus, "linegate.verdicts.dlq")


def alert_job(bus: BusSettings, superuser: BusSettings) -> None:
    """The alert worker's: see `tests.integration.transport.alert_job`, which needs what stands here."""
    from tests.integration.transport.alert_job import alert_job as job

    job(bus, superuser)


def topics_job(bus: BusSettings) -> None:
    """An installer's: create a topic of Linegate."""
    name = f"linegate.new-{uuid.uuid4().hex[:8]}"
    assert ensure_topics(open_admin(bus), partitions=1, topics=(name,)) == (name,)


def operator_job(bus: BusSettings) -> None:
    """A person's: the doctor finds everything in its place."""
    from deploy.doctor import servers
    from shared.settings import Settings

    found = list(servers.kafka(Settings.model_validate({"bus": bus.model_dump()})))
    assert [finding.level for finding in found] == ["OK", "OK"], found


def console_job(bus: BusSettings, superuser: BusSettings) -> None:
    """The console's: see everything that its pages show, pictures too, and the workers' groups; hand in feedback."""
    photo = an_image("seen")
    crop, word = a_crop(photo), a_word(photo)
    judged, shadow = a_verdict(crop), a_verdict(crop, ShadowVerdict)
    memory = Memory(history=timedelta(hours=1), map_bytes=1000, tell=lambda *_: None)
    seen: set[str] = set()
    with quiet():
        with EventPublisher(superuser) as publisher:
            lie = [publisher.publish(event).result(PATIENCE) for event in (photo, crop)]
        publish(superuser, judged, shadow, a_map(crop), a_raised_fault())
        publish(bus, word)
        places = [f"{one.partition}@{one.offset}" for one in lie]
        with (
            live_feed(bus, memory, history=timedelta(hours=1)) as feed,
            EventReader(bus, (Verdict, ShadowVerdict), start=now() - timedelta(minutes=1)) as trials,
            LiveEvidence(bus) as evidence,
        ):
            deadline = time.monotonic() + PATIENCE
            while not (
                feed.current
                and memory.verdict(photo.plant, photo.id)
                and memory.map(photo.plant, photo.id)
                and memory.words(photo.plant, photo.id)
                and memory.faults()
                and {judged.id, shadow.id} <= seen
            ):
                assert time.monotonic() < deadline
                if (read := trials.poll(0.1)) is not None:
                    seen.add(getattr(read[1], "id", ""))
            of = EvidenceRef(photo.plant, photo.id, photo.captured, *places)
            assert evidence.get(of, "photo") == evidence.get(of, "crop") == photo.pixels
        with job_reader(bus, "earliest") as jobs:
            for _ in jobs.read_to_end(patience=PATIENCE):
                pass
        with ExitStack() as asking:
            groups = {name: asking.enter_context(GroupOffsets(bus, name)) for name in GROUPS}
            assert "unknown" not in {worker.state for worker in ask(open_admin(bus), groups)}


def a_raised_fault() -> Fault:
    """The word that something is amiss."""
    raised = {"state": "raised", "expires": now() + timedelta(minutes=1)}
    return Fault.model_validate(a_fault("score").model_dump() | raised)


JOBS: dict[str, Callable[[BusSettings, BusSettings], None]] = {
    "gateway": gateway_job,
    "crop": crop_job,
    "score": score_job,
    "rollout": rollout_job,
    "labels": labels_job,
    "archive": archive_job,
    "notify": lambda bus, _: publish(bus, a_fault("notify")),
    "alert": alert_job,
    "rework": lambda bus, _: publish(bus, a_word(an_image("of-an-mes"))),
    "refit": refit_job,
    "trainer": trainer_job,
    "engineer": engineer_job,
    "console": console_job,
    "camera": lambda bus, _: camera_job(bus),
    "results": results_job,
    "dlq": dlq_job,
    "topics": lambda bus, _: topics_job(bus),
    "operator": lambda bus, _: operator_job(bus),
}
"""By principal."""
