"""Pictures of a part for browsers: from the store, from Kafka, and maps also from memory."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Literal

from services.console.live.memory import Memory
from shared.events import Verdict
from shared.evidence import EvidenceSource, EvidenceUnreadable, HeatRange, Pictured, overlay_rgba, preview, range_of
from shared.images import ImageRejected
from shared.settings.sections import ImageSettings

PictureName = Literal["photo", "crop", "overlay"]
CACHE_BYTES: Final = 48 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture."""

    data: bytes
    mediatype: str


class Pictures:
    """Finds pictures and makes them fit for a browser. Thread-safe.

    Args:
        source: the store and Kafka.
        memory: the latest maps.
        limits: on photos.
    """

    def __init__(self, source: EvidenceSource, memory: Memory, limits: ImageSettings) -> None:
        self._source: Final = source
        self._memory: Final = memory
        self._limits: Final = limits
        self._lock: Final = threading.Lock()
        # On a wall screen and five phones the same pictures are asked for within a second.
        self._cache: OrderedDict[tuple[str, str, str], Picture] = OrderedDict()
        self._bytes = 0

    def get(self, of: Pictured, name: PictureName) -> Picture | None:
        """A picture; None where there is none, or none any more.

        Args:
            of: a verdict, or what is known of one.
            name: `photo` (a JPEG of 1600 pixels at most), `crop` (PNG), `overlay` (its heat, PNG with transparency).

        Raises:
            StoreUnavailable: the store does not answer, and Kafka does not have it.
            KafkaFailedError: the store does not have it, and Kafka does not answer.
            PixelsUnavailable: the place that a photo by reference lies in cannot be reached.
        """
        key = of.plant, of.image, name
        with self._lock:
            if (held := self._cache.get(key)) is not None:
                self._cache.move_to_end(key)
                return held
        try:
            made = self._overlay(of) if name == "overlay" else self._encoded(of, name)
        except (ImageRejected, EvidenceUnreadable):
            return None  # no longer what was judged
        if made is not None:
            self._keep(key, made)
        return made

    def _encoded(self, of: Pictured, name: Literal["photo", "crop"]) -> Picture | None:
        data = self._source.get(of, name)
        if data is None:
            return None
        return Picture(data, "image/png") if name == "crop" else Picture(preview(data, self._limits), "image/jpeg")

    def _overlay(self, of: Pictured) -> Picture | None:
        threshold = damage_threshold(of) if isinstance(of, Verdict) else None
        held = self._memory.map(of.plant, of.image)
        if held is not None:
            scale = HeatRange(held.low, held.high, threshold)
            return Picture(overlay_rgba(held.png, scale=scale), "image/png")
        data = self._source.get(of, "map")
        return None if data is None else Picture(overlay_rgba(data, scale=range_of(data, threshold)), "image/png")

    def _keep(self, key: tuple[str, str, str], made: Picture) -> None:
        with self._lock:
            if key in self._cache or len(made.data) > CACHE_BYTES:
                return
            self._cache[key] = made
            self._bytes += len(made.data)
            while self._bytes > CACHE_BYTES:
                _, dropped = self._cache.popitem(last=False)
                self._bytes -= len(dropped.data)


def damage_threshold(verdict: Verdict) -> float | None:
    """The threshold of a verdict's damage check."""
    return next((check.threshold for check in verdict.checks if check.name == "damage"), None)
