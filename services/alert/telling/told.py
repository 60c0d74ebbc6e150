"""Which steps of alerts were told on Kafka already: the topic itself is the memory."""

from collections.abc import Callable
from datetime import datetime

from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import AlertChanged


def read_told(bus: BusSettings, since: datetime, beat: Callable[[], None] = lambda: None) -> set[str]:
    """The ids of the steps that were told since a moment.

    Args:
        bus: how to reach Kafka.
        since: the moment, by the clock of whoever told them.
        beat: called with each step; may raise to give up.

    Raises:
        KafkaFailedError: Kafka does not answer, or refused.
    """
    told: set[str] = set()
    with EventReader(bus, (AlertChanged,), start=since) as reader:
        for _, event in reader.read_to_end(patience=bus.call_budget_s):
            if isinstance(event, AlertChanged):
                told.add(event.id)
            beat()
    return told
