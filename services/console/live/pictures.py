"""The latest anomaly maps, so that a fail is shown with its map before any store has it."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from shared.events import PartAnomalyMap


@dataclass(frozen=True, slots=True)
class HeldMap:
    """A map, and which scores its grey values stand for."""

    png: bytes
    low: float
    high: float


class MapMemory:
    """At most so many bytes of maps; the ones that came first are forgotten first.

    Args:
        most_bytes: of all maps together.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most: Final = most_bytes
        self._held: OrderedDict[tuple[str, str], HeldMap] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """How many bytes are held."""
        return self._bytes

    def put(self, event: PartAnomalyMap) -> None:
        """Hold a map. One without pixels, or larger than all that may be held, is not."""
        if event.pixels is None or len(event.pixels) > self._most:
            return
        key = event.plant, event.image
        if (former := self._held.pop(key, None)) is not None:
            self._bytes -= len(former.png)
        self._held[key] = HeldMap(event.pixels, event.low, event.high)
        self._bytes += len(event.pixels)
        while self._bytes > self._most:
            _, dropped = self._held.popitem(last=False)
            self._bytes -= len(dropped.png)

    def get(self, plant: str, image: str) -> HeldMap | None:
        """The map of a photo, if it is held."""
        return self._held.get((plant, image))
