"""Listen to what the pipeline publishes while the demo streams, on a thread of its own."""

import threading
import time
from dataclasses import dataclass, field
from typing import Self

from shared.bus.reader import EventReader

from services.tally import Tally
from shared.bus.settings import BusSettings
from shared.events import Event, PartAnomalyMap, PartCrop, Verdict


@dataclass(slots=True)
class Collected:
    """What arrived, by image id."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    crops: dict[str, PartCrop] = field(default_factory=dict)
    maps: dict[str, PartAnomalyMap] = field(default_factory=dict)
    latest: list[Verdict] = field(default_factory=list)
    """In order of arrival."""
    last_at: float = 0.0
    """When the latest verdict arrived, by `time.monotonic`."""


class Collector:
    """Reads verdicts, crops, maps and dead letters into a tally until it is left.

    `lock` guards `tally` and `collected`.
    """

    def __init__(self, bus: BusSettings, tally: Tally) -> None:
        self.lock = threading.Lock()
        self.collected = Collected()
        self._tally = tally
        self._reader = EventReader(bus, (Verdict, PartCrop, PartAnomalyMap), start="latest")
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="demo-collector", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._reader.close()

    def check(self) -> None:
        """Raise what stopped the reading, if anything did."""
        if self._failure is not None:
            raise RuntimeError("the demo can no longer read the verdicts") from self._failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                for _record, event in self._reader.poll(0.2):
                    if isinstance(event, Event):
                        self._keep(event)
        except BaseException as failure:  # noqa: BLE001 - handed to the main thread by `check`
            self._failure = failure

    def _keep(self, event: Event) -> None:
        at = time.monotonic()
        with self.lock:
            match event:
                case Verdict():
                    self._tally.verdict(event, at=at)
                    self.collected.verdicts.setdefault(event.image, event)
                    self.collected.latest.append(event)
                    self.collected.last_at = at
                case PartCrop():
                    self.collected.crops[event.image] = event
                case PartAnomalyMap():
                    self.collected.maps[event.image] = event
