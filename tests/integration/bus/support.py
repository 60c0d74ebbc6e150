"""What the bus tests share: topics of their own per test, workers in threads, and the exactly-once account."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from confluent_kafka.admin import AdminClient

from shared.bus.errors import KafkaFailedError
from shared.bus.loop import Worker
from shared.bus.publisher import EventPublisher
from shared.bus.reader import EventReader, Read
from shared.bus.record import Record
from shared.bus.settings import BusSettings
from shared.bus.step import Emit, Result
from shared.bus.topics import dead_letter_topic, ensure_topics
from shared.events import Check, DeadLetterStop, Event, PartCrop, PartImage, Timings, derived_event_id, now

PATIENCE = 120.0
"""Seconds after which a test gives up waiting for a state it expects."""


class Scope:
    """The two event types of a test on topics of its own, so that tests share one broker."""

    def __init__(self, bootstrap_servers: str, *, name: str | None = None, **settings: Any) -> None:
        self.name = name or f"t{uuid.uuid4().hex[:8]}"
        self.images: type[PartImage] = type("Images", (PartImage,), {"TOPIC": f"{self.name}.images"})
        self.crops: type[PartCrop] = type("Crops", (PartCrop,), {"TOPIC": f"{self.name}.crops"})
        # Small time-outs, in the proportions of the defaults: a killed member is out of the group after 6 s.
        quick = {"session_timeout_ms": 6000, "transaction_timeout_ms": 5000, "message_timeout_ms": 4000}
        quick |= {"retry_initial_s": 0.2, "max_wait_ms": 5, "call_budget_s": 20.0}
        self.settings = BusSettings(bootstrap_servers=bootstrap_servers, group=self.name, **(quick | settings))

    def create_topics(self, partitions: int = 4) -> "Scope":
        """Create them."""
        own = (self.images.TOPIC, self.crops.TOPIC, dead_letter_topic(self.images.TOPIC))
        # Every worker looks at the stops; a broker of a test's own may not have that topic yet.
        topics = (*own, DeadLetterStop.TOPIC)
        client = AdminClient({"bootstrap.servers": self.settings.bootstrap_servers})
        ensure_topics(client, partitions=partitions, topics=topics)
        return self

    def image(self, number: int, *, part: str | None = None, pixels: bytes = b"\xff\xd8") -> PartImage:
        """An image event of this scope."""
        return self.images(
            id=f"image-{number}", part=part or f"part-{number}", plant="munich", line="line-1", captured=now(),
            pixels=pixels, mediatype="image/jpeg",
        )  # fmt: skip

    def publish(self, images: Sequence[PartImage]) -> None:
        """Publish, and wait until the broker has them all."""
        # The short time-outs are for the workers under test: a starved machine may take longer to publish.
        with EventPublisher(self.settings.model_copy(update={"message_timeout_ms": 60_000})) as publisher:
            futures = [publisher.publish(image) for image in images]
            for future in futures:
                future.result(PATIENCE)

    def echo(self, batch: Sequence[PartImage]) -> list[Result]:
        """The simplest step: every image is its own crop."""
        return [
            Emit((
                self.crops(
                    id=derived_event_id(image.id, "crop"), image=image.id, part=image.part, plant=image.plant,
                    line=image.line, captured=image.captured, pixels=image.pixels, mediatype=image.mediatype,
                    presence=Check(name="presence", result="skipped"), policy="full_frame", timings=Timings(),
                ),
            ))
            for image in batch
        ]  # fmt: skip

    def worker(self, step: Callable[[Sequence[Any]], Sequence[Result]] | None = None, **settings: Any) -> Worker:
        """A worker of this scope."""
        chosen = self.settings.model_copy(update=settings)
        return Worker(step or self.echo, consumes=self.images, name=self.name, settings=chosen)

    def read_crops(self, *, count: int) -> list[PartCrop]:
        """All committed crops, once there are at least `count`, and what comes in the moment after."""
        return [event for _, event in self._read((self.crops,), count=count) if isinstance(event, PartCrop)]

    def read_dead_letters(self, *, count: int) -> list[Record]:
        """The same for dead letters."""
        return [record for record, _ in self._read((), count=count, dead_letters_of=(self.images,))]

    def _read(
        self, types: Sequence[type[Event]], *, count: int, dead_letters_of: Sequence[type[Event]] = ()
    ) -> list[Read]:
        reads: list[Read] = []
        waited = 0.0
        with EventReader(self.settings, types, start="earliest", dead_letters_of=dead_letters_of) as reader:
            while len(reads) < count and waited < PATIENCE:
                read = reader.poll(0.5)
                waited += 0.5 if read is None else 0.0
                reads += [read] if read is not None else []
            reads.extend(reader.read_to_end())
        return reads


@contextmanager
def running(worker: Worker) -> Iterator[threading.Event]:
    """Run `worker` in a thread for the length of a block, then stop it in order; its error is raised at the end."""
    stop = threading.Event()
    failure: list[BaseException] = []

    def run() -> None:
        try:
            worker.run(stop)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failure.append(error)

    thread = threading.Thread(target=run, name="worker")
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive(), "the worker did not stop"
    if failure:
        raise failure[0]


@contextmanager
def supervised(make: Callable[[], Worker]) -> Iterator[None]:
    """Run a worker for the length of a block, and a new one whenever Kafka ended the last, as a supervisor does."""
    stop = threading.Event()
    failure: list[BaseException] = []

    def run() -> None:
        try:
            while not stop.is_set():
                with suppress(KafkaFailedError):
                    make().run(stop)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failure.append(error)

    thread = threading.Thread(target=run, name="supervisor")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive(), "the worker did not stop"
    if failure:
        raise failure[0]


def assert_exactly_once(crops: Sequence[PartCrop], images: Sequence[PartImage]) -> None:
    """Every image led to one crop, no image to two, and each part's crops are in its images' order."""
    counts = Counter(crop.image for crop in crops)
    assert {image: n for image, n in counts.items() if n > 1} == {}, "doubled"
    assert {image.id for image in images} - counts.keys() == set(), "lost"
    assert counts.keys() - {image.id for image in images} == set(), "invented"
    for part in {image.part for image in images}:
        assert [c.image for c in crops if c.part == part] == [i.id for i in images if i.part == part]
