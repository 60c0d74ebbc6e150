"""Whether the workers work: their consumer groups, asked every few seconds on a thread of its own."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import structlog
from confluent_kafka import ConsumerGroupState, IsolationLevel, KafkaError, KafkaException
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # OffsetSpec: its documented home, untold by types
    AdminClient,
    OffsetSpec,
)

from shared.bus.clients import open_admin
from shared.bus.group_offsets import GroupOffsets
from shared.bus.settings import BusSettings
from shared.events import Fault, Feedback, PartAnomalyMap, PartCrop, PartImage, TrainingRequest, Verdict, now
from shared.serving.background import Background

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "crop": (PartImage.TOPIC,),
    "score": (PartCrop.TOPIC,),
    "labels": (Feedback.TOPIC,),
    "alert": (Verdict.TOPIC, Fault.TOPIC),
    "archive": (Verdict.TOPIC, PartAnomalyMap.TOPIC),
    "train": (TrainingRequest.TOPIC,),
}
"""Workers that share the work of topics; the group has the worker's name."""
IN_TRANSACTIONS: Final = frozenset({PartCrop.TOPIC, Verdict.TOPIC, PartAnomalyMap.TOPIC})
"""Topics on which a marker follows the records of each transaction and takes an offset of its own."""
POLL_SECONDS: Final = 3.0
CALL_SECONDS: Final = 3.0
State = Literal["works", "starts", "absent", "unknown"]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """One kind of worker."""

    name: str
    state: State
    members: int = 0
    lag: int | None = None
    """Records that wait, of all partitions; None where not known. Some too many where many transactions wait."""


class HealthWatch(Background):
    """Asks from `__enter__` to `__exit__`.

    Args:
        bus: how to reach Kafka.
        changed: called when an answer differs from the one before.
    """

    def __init__(self, bus: BusSettings, changed: Callable[[], None]) -> None:
        super().__init__("health", stop_s=2 * CALL_SECONDS)
        self._bus: Final = bus
        self._changed: Final = changed
        self._workers: tuple[WorkerHealth, ...] = tuple(WorkerHealth(name, "unknown") for name in GROUPS)
        self._away_since: datetime | None = None

    @property
    def workers(self) -> tuple[WorkerHealth, ...]:
        """As last seen."""
        return self._workers

    @property
    def away_since(self) -> datetime | None:
        """Since when Kafka has not answered; None while it does."""
        return self._away_since

    def _run(self) -> None:
        admin = open_admin(self._bus)
        with ExitStack() as asking:
            groups = {name: asking.enter_context(GroupOffsets(self._bus, name)) for name in GROUPS}
            while not self._stop.is_set():
                before = self._workers, self._away_since
                try:
                    self._workers = tuple(ask(admin, groups))
                    self._away_since = None
                except KafkaException as error:
                    if self._away_since is None:
                        _log.warning("Kafka does not answer", error=error.args[0].str())
                    self._away_since = self._away_since or now()
                    self._workers = tuple(WorkerHealth(name, "unknown") for name in GROUPS)
                if (self._workers, self._away_since) != before:
                    self._changed()
                self._stop.wait(POLL_SECONDS)


def ask(admin: AdminClient, groups: Mapping[str, GroupOffsets]) -> list[WorkerHealth]:
    """How the workers are now.

    Raises:
        KafkaException: Kafka does not answer.
    """
    known = admin.list_topics(timeout=CALL_SECONDS).topics
    places = [
        Place(topic, partition)
        for topic in sorted({topic for topics in GROUPS.values() for topic in topics} & known.keys())
        for partition in known[topic].partitions
    ]
    ends = _ends(admin, places)
    described: dict[str, Any] = admin.describe_consumer_groups(list(GROUPS), request_timeout=CALL_SECONDS)
    found = []
    for name, topics in GROUPS.items():
        try:
            group = described[name].result(CALL_SECONDS * 2)
        except KafkaException as error:
            if error.args[0].retriable():
                raise
            # A group that never was is an error since Kafka 4.0 (KIP-1043).
            # Of one that may not be seen nothing is known.
            unheard_of = error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND
            found.append(WorkerHealth(name, "absent" if unheard_of else "unknown"))
            continue
        members = len(group.members)
        state: State = "works" if group.state == ConsumerGroupState.STABLE and members else "starts"
        found.append(WorkerHealth(name, state if members else "absent", members, _lag(groups[name], topics, ends)))
    return found


def _ends(admin: AdminClient, places: list[Place]) -> dict[tuple[str, int], int]:
    latest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # as the library has it
    asked: dict[Any, Any] = admin.list_offsets(
        dict.fromkeys(places, latest),
        isolation_level=IsolationLevel.READ_COMMITTED,
        request_timeout=CALL_SECONDS,
    )
    return {(place.topic, place.partition): future.result(CALL_SECONDS * 2).offset for place, future in asked.items()}


def _lag(group: GroupOffsets, topics: tuple[str, ...], ends: dict[tuple[str, int], int]) -> int | None:
    try:
        reached = group.committed([place for place in ends if place[0] in topics], seconds=CALL_SECONDS)
    except KafkaException as error:
        if error.args[0].retriable() or error.args[0].code() == KafkaError._TIMED_OUT:  # noqa: SLF001 - its spelling
            raise
        return None
    behind = [max(0, ends[place] - offset - (place[0] in IN_TRANSACTIONS)) for place, offset in reached.items()]
    return sum(behind) if behind else None
