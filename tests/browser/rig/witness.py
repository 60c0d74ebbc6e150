"""Everything that is published, kept as it comes: tests ask for it again and again."""

import threading
import time
from collections.abc import Callable
from typing import Final, Self, TypeVar

from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import AlertChanged, Event, Feedback, LabelledPart, Verdict

KINDS: Final = (Verdict, Feedback, LabelledPart, AlertChanged)
PATIENCE_S: Final = 60.0
EventT = TypeVar("EventT", bound=Event)


class Witness:
    """Follows the topics from their beginning, on a thread, for the length of a `with` block."""

    def __init__(self, bus: BusSettings) -> None:
        self._bus = bus
        self._events: list[Event] = []
        self._came = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="witness")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def all(self, kind: type[EventT]) -> list[EventT]:
        """What came so far of a kind."""
        with self._came:
            return [event for event in self._events if type(event) is kind]

    def wait(self, kind: type[EventT], wanted: Callable[[EventT], bool]) -> EventT:
        """The first event of a kind that is `wanted`."""
        deadline = time.monotonic() + PATIENCE_S
        with self._came:
            while True:
                found = next((event for event in self.all(kind) if wanted(event)), None)
                if found is not None:
                    return found
                assert self._thread.is_alive(), "Kafka is no longer followed"
                assert time.monotonic() < deadline, f"no such {kind.__name__} within {PATIENCE_S:.0f} s"
                self._came.wait(1.0)

    def _follow(self) -> None:
        with EventReader(self._bus, KINDS, start="earliest") as reader:
            while not self._stop.is_set():
                read = reader.poll(0.2)
                if read is not None and isinstance(read[1], KINDS):
                    with self._came:
                        self._events.append(read[1])
                        self._came.notify_all()
