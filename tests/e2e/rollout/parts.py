"""Parts that are easily told apart, so that the rollout is under test; and a line that never stops."""

import threading
import time
from pathlib import Path
from typing import Final

import numpy as np

from shared.bus.publisher import EventPublisher, PublishFailed
from shared.bus.settings import BusSettings
from shared.events import PartImage, now
from shared.images import encode_png
from shared.models.base import Image

PLANTS: Final = ("munich", "puebla")
LINE: Final = "line-1"
SIDE: Final = 64
DAMAGED_EVERY: Final = 10
"""On the line; the tenth part of each plant has a blot."""


def part_picture(plant: str, seed: int, *, damaged: bool) -> Image:
    """(64, 64, 3) uint8: stripes of the plant's own direction with noise; damage is a dark blot."""
    rng = np.random.default_rng([PLANTS.index(plant), seed])
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    stripes = 128 + 40 * np.sin((rows if plant == "munich" else columns) / 4)
    grey = stripes + rng.normal(0, 3, (SIDE, SIDE))
    if damaged:
        row, column = rng.integers(16, 48, 2)
        grey[(rows - row) ** 2 + (columns - column) ** 2 < 80] = 10
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def write_data_set(folder: Path, plant: str, *, good: int = 64, damaged: int = 24) -> Path:
    """`folder/<plant>/good` and `bad`, as a trainer takes it; seeds that the line never uses."""
    for name, count in (("good", good), ("bad", damaged)):
        target = folder / plant / name
        target.mkdir(parents=True)
        for i in range(count):
            pixels = encode_png(part_picture(plant, 1_000_000 + i, damaged=name == "bad"))
            (target / f"{i:03d}.png").write_bytes(pixels)
    return folder / plant


class Stream(threading.Thread):
    """Photos of both plants at a steady rate until told to stop.

    Attributes:
        sent: ids of the photos that Kafka acknowledged.
        refused: photos that Kafka did not take.
    """

    def __init__(self, bus: BusSettings, *, rate: float) -> None:
        super().__init__(name="line", daemon=True)
        self._bus = bus
        self._pause = 1 / rate
        self._stop_it = threading.Event()
        self.sent: list[str] = []
        self.refused: list[str] = []

    def run(self) -> None:
        """Send."""
        with EventPublisher(self._bus) as publisher:
            number = 0
            while not self._stop_it.wait(self._pause):
                plant = PLANTS[number % len(PLANTS)]
                event = _photo(plant, number // len(PLANTS))
                try:
                    publisher.publish(event).result(60)
                except PublishFailed:
                    self.refused.append(event.id)
                else:
                    self.sent.append(event.id)
                number += 1

    def end(self) -> None:
        """Stop after the photo under way."""
        self._stop_it.set()
        self.join(90)
        assert not self.is_alive(), "the stream does not end"

    def wait_for(self, count: int, *, patience: float = 120.0) -> None:
        """Until so many more photos were taken."""
        target, deadline = len(self.sent) + count, time.monotonic() + patience
        while len(self.sent) < target:
            assert time.monotonic() < deadline, f"only {len(self.sent)} of {target} photos were taken"
            time.sleep(0.05)


def _photo(plant: str, number: int) -> PartImage:
    damaged = number % DAMAGED_EVERY == 0
    return PartImage(
        part=f"{plant}-{number}",
        plant=plant,
        line=LINE,
        captured=now(),
        mediatype="image/png",
        pixels=encode_png(part_picture(plant, number, damaged=damaged)),
    )
