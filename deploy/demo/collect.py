"""Listen to what the pipeline publishes while the demo streams, on threads of their own."""

import threading
import time
from dataclasses import dataclass, field
from typing import Final, Self

from services.answers import AnswerFeed, DeadPhoto
from services.tally import Tally
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import PartAnomalyMap, PartCrop, Verdict

KAFKA_SECONDS: Final = 30.0


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
    """Reads verdicts and dead letters into a tally, and keeps crops and maps for the pictures.

    `lock` guards `tally` and `collected`.
    """

    def __init__(self, bus: BusSettings, tally: Tally) -> None:
        self.lock = threading.Lock()
        self.collected = Collected()
        self._tally = tally
        self._feed = AnswerFeed(bus, on_verdict=self._judged, on_dead_letter=self._set_aside)
        self._pictures = EventReader(bus, (PartCrop, PartAnomalyMap), start="latest")
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._read_pictures, name="demo-pictures", daemon=True)

    def __enter__(self) -> Self:
        """Begin; answers to photos sent after this cannot be missed."""
        self._thread.start()
        self._feed.start()
        self._feed.wait_current(KAFKA_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._feed.stop()
        self._stop.set()
        self._thread.join()
        self._pictures.close()

    def check(self) -> None:
        """Raise what stopped the reading, if anything did."""
        if self._failure is not None or not self._feed.running:
            raise RuntimeError("the demo can no longer read from Kafka") from self._failure

    def _judged(self, verdict: Verdict) -> None:
        at = time.monotonic()
        with self.lock:
            self._tally.verdict(verdict, at=at)
            self.collected.verdicts.setdefault(verdict.image, verdict)
            self.collected.latest.append(verdict)
            self.collected.last_at = at

    def _set_aside(self, letter: DeadPhoto) -> None:
        with self.lock:
            self._tally.dead_letter(letter.image, letter.reason)

    def _read_pictures(self) -> None:
        try:
            while not self._stop.is_set():
                read = self._pictures.poll(0.2)
                if read is not None:
                    self._keep_picture(read[1])
        except BaseException as failure:  # noqa: BLE001 - handed to the main thread by `check`
            self._failure = failure

    def _keep_picture(self, event: object) -> None:
        with self.lock:
            match event:
                case PartCrop() as crop:
                    self.collected.crops[crop.image] = crop
                case PartAnomalyMap() as score_map:
                    self.collected.maps[score_map.image] = score_map
                case rejected:
                    raise TypeError(f"the pipeline published what it cannot read itself: {rejected}")
