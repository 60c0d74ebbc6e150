"""Read what Kafka holds of a type, and remember which records that was."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal, TypeVar

from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import Event

PATIENCE_SECONDS = 60.0
EventT = TypeVar("EventT", bound=Event)


class Reading:
    """Readings of several topics, for the provenance.

    Args:
        bus: how to reach Kafka.
        told: hears of progress as `told(stage, done, total)`.
    """

    def __init__(self, bus: BusSettings, told: Callable[[str, int, int | None], None]) -> None:
        self._bus = bus
        self._told = told
        self.offsets: dict[str, dict[int, tuple[int, int]]] = {}
        """First and last offset that was read, by topic and partition."""
        self.refused: dict[str, int] = {}
        """Records that are no such event, by topic."""

    def all(
        self, kind: type[EventT], stage: str, *, start: datetime | Literal["earliest"] = "earliest"
    ) -> Iterator[EventT]:
        """Every event of a type that Kafka holds now.

        Raises:
            KafkaFailedError: Kafka does not answer, or refuses.
        """
        spans = self.offsets.setdefault(kind.TOPIC, {})
        with EventReader(self._bus, (kind,), start=start) as reader:
            for number, (record, event) in enumerate(reader.read_to_end(patience=PATIENCE_SECONDS), start=1):
                first, _ = spans.get(record.partition, (record.offset, 0))
                spans[record.partition] = (first, record.offset)
                self._told(stage, number, None)
                if isinstance(event, kind):
                    yield event
                else:
                    self.refused[kind.TOPIC] = self.refused.get(kind.TOPIC, 0) + 1
