"""What was told on the topic of rollouts already: the topic itself is the memory, so that a restart needs no other.

A position kept beside it (in Redis, in a file) could be lost or restored apart from what it stands for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import RolloutBreach, RolloutChanged


@dataclass(slots=True)
class Told:
    """What the topic holds.

    Attributes:
        breaches: id -> the line of each breach that was told.
        changes: ids of the changes that were told.
        last_change: time of the latest change that was told; None where there is none.
    """

    breaches: dict[str, str] = field(default_factory=dict)
    changes: set[str] = field(default_factory=set)
    last_change: datetime | None = None

    def take(self, event: object) -> None:
        """Count an event in."""
        if isinstance(event, RolloutBreach):
            self.breaches[event.id] = event.detail
        elif isinstance(event, RolloutChanged):
            self.changes.add(event.id)
            if self.last_change is None or event.time > self.last_change:
                self.last_change = event.time


def read_told(bus: BusSettings, told: Told, beat: Callable[[], None] = lambda: None) -> None:
    """Read the whole topic into `told`; it holds an event or two for each change of a rollout.

    Args:
        bus: how to reach Kafka.
        told: filled; reading the same again is harmless.
        beat: called with each event.

    Raises:
        KafkaFailedError: Kafka does not answer, or refused.
    """
    with EventReader(bus, (RolloutChanged, RolloutBreach), start="earliest") as reader:
        for _, event in reader.read_to_end(patience=bus.call_budget_s):
            told.take(event)
            beat()
