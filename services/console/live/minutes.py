"""What a line did, minute by minute, as far back as is kept."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from services.console.live.latency import bin_of, quantile

MINUTE: Final = timedelta(minutes=1)


@dataclass(slots=True)
class Minute:
    """What happened in one minute, counted."""

    photos: int = 0
    fails: int = 0
    dead: int = 0
    latencies: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Window:
    """What happened in some minutes, summed."""

    photos: int
    fails: int
    dead: int
    p50: float | None
    """Of the latency, in milliseconds."""
    p95: float | None

    @property
    def fail_rate(self) -> float | None:
        """Share of the judged parts that failed; None where none was judged."""
        return self.fails / self.photos if self.photos else None


class Minutes:
    """Counts of the latest minutes. In whatever order things are counted, the sums are the same.

    Args:
        kept: how many minutes; what is older than the newest by more is not counted.
    """

    def __init__(self, kept: int) -> None:
        self._kept: Final = kept
        self._held: dict[int, Minute] = {}
        self._newest = -1

    def __len__(self) -> int:
        return len(self._held)

    def count(self, at: datetime, *, failed: bool = False, dead: bool = False, latency_ms: float | None = None) -> None:
        """Count one photo.

        Args:
            at: when it was judged, or set aside.
            failed: whether it failed.
            dead: whether it was set aside; then it was not judged.
            latency_ms: from shutter to verdict; None where that is not known.
        """
        number = _number(at)
        if number <= self._newest - self._kept:
            return
        minute = self._held.setdefault(number, Minute())
        minute.photos += not dead
        minute.fails += failed
        minute.dead += dead
        if latency_ms is not None:
            minute.latencies[bin_of(latency_ms)] += 1
        if number > self._newest:
            self._newest = number
            self._held = {one: held for one, held in self._held.items() if one > number - self._kept}

    def window(self, until: datetime, minutes: int) -> Window:
        """The sum of the `minutes` latest minutes, that of `until` among them."""
        last = _number(until)
        held = [self._held[one] for one in range(last - minutes + 1, last + 1) if one in self._held]
        latencies = [minute.latencies for minute in held]
        return Window(
            photos=sum(minute.photos for minute in held),
            fails=sum(minute.fails for minute in held),
            dead=sum(minute.dead for minute in held),
            p50=quantile(latencies, 0.5),
            p95=quantile(latencies, 0.95),
        )

    def series(self, until: datetime, minutes: int) -> list[tuple[datetime, Minute]]:
        """Each of the `minutes` latest whole minutes before that of `until`, oldest first."""
        last = _number(until)
        return [
            (datetime.fromtimestamp(one * 60, until.tzinfo), self._held.get(one, Minute()))
            for one in range(last - minutes, last)
        ]


def _number(at: datetime) -> int:
    return int(at.timestamp() // 60)
