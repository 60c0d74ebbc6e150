"""Independent witnesses of the output topics: plain consumers that share no code with the product."""

import json
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tests.chaos.history import Place, RecordKind, Seen

Isolation = Literal["read_committed", "read_uncommitted"]
KINDS: Final[dict[str, RecordKind]] = {
    "linegate.crops": "crop",
    "linegate.verdicts": "verdict",
    "linegate.maps": "map",
    "linegate.images.dlq": "dead_letter",
    "linegate.crops.dlq": "dead_letter",
}
CALL_S: Final = 10.0
PATIENCE_S: Final = 120.0


class WitnessFailed(RuntimeError):
    """The topics could not be read to their end. The harness's fault, or a transaction that was never ended."""


def read_all(servers: str, isolation: Isolation) -> list[Seen]:
    """All records of the output topics up to the end they have now; of one partition in its order.

    Raises:
        WitnessFailed: an end was not reached.
    """
    consumer = _consumer(servers, isolation)
    try:
        ends = _assign_all(consumer)
        return [seen_in(message) for message in _read_to(consumer, ends)]
    finally:
        consumer.close()


def open_transactions(servers: str) -> list[str]:
    """Partitions whose last stable offset lies before their end: a transaction is open there, and blocks readers."""
    ends: list[dict[Place, int]] = []
    isolations: tuple[Isolation, ...] = ("read_committed", "read_uncommitted")
    for isolation in isolations:
        consumer = _consumer(servers, isolation)
        try:
            ends.append(_ends(consumer))
        finally:
            consumer.close()
    stable, high = ends
    return [f"{topic}[{partition}]" for (topic, partition, _), end in high.items() if stable[topic, partition, 0] < end]


def backlog(servers: str) -> int:
    """Records that a worker's group has not committed yet; committed means done, whatever came of it."""
    consumer = _consumer(servers, "read_committed")
    count = 0
    try:
        for group, topic in (("crop", "linegate.images"), ("score", "linegate.crops")):
            ends = _ends(consumer, (topic,))
            committed = _committed(servers, group, ends)
            starts = {place: max(0, committed.get(place[:2], 0)) for place in ends}
            behind = {place: end for place, end in ends.items() if starts[place] < end}
            consumer.assign([TopicPartition(place[0], place[1], starts[place]) for place in behind])
            # Offsets hold transaction markers as well: only reading tells records from them.
            count += sum(1 for _ in _read_to(consumer, behind))
    except KafkaException as error:
        raise WitnessFailed(f"the broker does not tell the groups' offsets: {error}") from error
    finally:
        consumer.close()
    return count


def _committed(servers: str, group: str, places: Iterable[Place]) -> dict[tuple[str, int], int]:
    """Where a group stands, asked in its name without joining it: librdkafka's admin client crashes the process where
    the coordinator answers with an error, as it does after a restart of the broker.

    Raises:
        KafkaException: it is not told.
    """  # noqa: D205 - one sentence
    asking = Consumer({"bootstrap.servers": servers, "group.id": group, "log_level": 2})
    try:
        found = asking.committed([TopicPartition(*place[:2]) for place in places], timeout=CALL_S)
    finally:
        asking.close()
    for place in found:
        if place.error is not None:
            raise KafkaException(place.error)
    return {(place.topic, place.partition): place.offset for place in found}


class Watch:
    """Counts answers while they come, for the picture on the screen and to know when all are there."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self.verdicts = 0
        self.dead_letters = 0
        self.last_at = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    @property
    def answers(self) -> int:
        """Verdicts and dead letters."""
        return self.verdicts + self.dead_letters

    def _run(self) -> None:
        consumer = _consumer(self._servers, "read_committed")
        _assign_all(consumer)
        while not self._stop.is_set():
            message = consumer.poll(0.2)
            if message is None or message.error() is not None:
                continue
            kind = KINDS[message.topic() or ""]
            if kind in ("verdict", "dead_letter"):
                self.last_at = time.monotonic()
                self.verdicts += kind == "verdict"
                self.dead_letters += kind == "dead_letter"
        consumer.close()


def _consumer(servers: str, isolation: Isolation) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"witness-{uuid.uuid4()}",
            "client.id": "chaos-witness",
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "reconnect.backoff.max.ms": 1000,
            "log_level": 2,
        }
    )


def _ends(consumer: Consumer, wanted: Iterable[str] = tuple(KINDS)) -> dict[Place, int]:
    """The end of every partition, by (topic, partition, 0)."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            topics = consumer.list_topics(timeout=CALL_S).topics
            places = [(topic, partition) for topic in wanted for partition in topics[topic].partitions]
            return {
                (*place, 0): consumer.get_watermark_offsets(TopicPartition(*place), timeout=CALL_S)[1]
                for place in places
            }
        except (KafkaException, KeyError) as error:
            if time.monotonic() > deadline:
                raise WitnessFailed(f"the broker does not answer: {error}") from error
            time.sleep(0.5)


def _assign_all(consumer: Consumer) -> dict[Place, int]:
    ends = _ends(consumer)
    consumer.assign([TopicPartition(topic, partition, 0) for topic, partition, _ in ends])
    return ends


def _read_to(consumer: Consumer, ends: dict[Place, int]) -> Iterator[Message]:
    # Transaction markers take offsets without being records, so the end is what librdkafka tells, not a record's.
    missing = {place for place, end in ends.items() if end > 0}
    last = time.monotonic()
    while missing:
        message = consumer.poll(1.0)
        if message is None:
            if time.monotonic() - last > PATIENCE_S:
                raise WitnessFailed(f"no end of {sorted(missing)} within {PATIENCE_S:.0f} s")
            continue
        last = time.monotonic()
        error = message.error()
        place = (message.topic() or "", message.partition() or 0, 0)
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF and (message.offset() or 0) >= ends[place]:
            missing.discard(place)


def seen_in(message: Message) -> Seen:
    """What a record tells, read from its bytes."""
    topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
    kind = KINDS[topic]
    headers: dict[str, bytes] = {}
    for name, text in _headers(message):
        headers.setdefault(name, text or b"")
    at = message.timestamp()[1] / 1000
    place = (topic, partition, offset)
    match kind:
        case "verdict":
            data: dict[str, Any] = json.loads(message.value() or b"{}")
            return Seen(kind, place, at, data.get("image"), failed=data.get("decision") == "fail")
        case "dead_letter":
            origin = (_text(headers, "lg_topic"), int(headers["lg_partition"]), int(headers["lg_offset"]))
            name = "ce_id" if origin[0] == "linegate.images" else "ce_image"
            return Seen(kind, place, at, _text(headers, name) or None, origin)
        case _:
            return Seen(kind, place, at, _text(headers, "ce_image") or None)


def _headers(message: Message) -> Any:
    """Pairs of name and bytes; the library's types allow more than it returns."""
    return message.headers() or ()


def _text(headers: dict[str, bytes], name: str) -> str:
    return headers.get(name, b"").decode("utf-8", errors="replace")
