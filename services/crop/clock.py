"""Is a camera's clock right? Compared with when its photo was sent, and with our own clock for what lies ahead."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.events import PartImage, Place, now
from shared.faults import NO_FAULTS, FaultSink, Report

RAISE_AFTER: Final = 3
"""Photos in a row with a wrong clock before it is a fault: one photo that was sent late is none."""
CLEAR_AFTER: Final = 20
"""Photos in a row with a right clock before it is over: a clock at the limit must not flicker."""


def clock_skew(captured: datetime, sent: datetime, seen: datetime) -> timedelta:
    """How far the camera's clock seems to be ahead, or behind (negative; also a photo that was sent late).

    Args:
        captured: when the shutter opened, by the camera's clock.
        sent: the event's time, by the gateway's, the sender's or the broker's clock.
        seen: the present by our clock: a sender whose own clock runs ahead does not excuse the camera.
    """
    return captured - min(sent, seen)


@dataclass(slots=True)
class _Row:
    wrong: int = 0
    right: int = 0
    raised: bool = False


class SkewWatch:
    """Measures every photo, and tells of each place whose camera's clock is off. For one thread.

    Args:
        limit_s: what a clock may be off, in seconds.
        faults: told by place.
        clock: the present.
    """

    def __init__(
        self, limit_s: float = 60.0, *, faults: FaultSink = NO_FAULTS, clock: Callable[[], datetime] = now
    ) -> None:
        self._limit = timedelta(seconds=limit_s)
        self._faults = faults
        self._clock = clock
        self._rows: defaultdict[Place, _Row] = defaultdict(_Row)

    def measure(self, event: PartImage) -> float | None:
        """The skew in milliseconds where it is beyond the limit; else None."""
        skew = clock_skew(event.captured, event.time, self._clock())
        wrong = abs(skew) > self._limit
        self._count(event.place, skew, wrong=wrong)
        return skew / timedelta(milliseconds=1) if wrong else None

    def _count(self, place: Place, skew: timedelta, *, wrong: bool) -> None:
        row = self._rows[place]
        row.wrong, row.right = (row.wrong + 1, 0) if wrong else (0, row.right + 1)
        subject = "/".join(place.model_dump().values())
        if row.wrong >= RAISE_AFTER and not row.raised:
            row.raised = True
            side = "ahead" if skew > timedelta() else "behind, or it sends its photos late"
            self._faults.raised(
                Report(
                    "clock_skew",
                    "warning",
                    f"the clock of the camera at {subject} is {abs(skew.total_seconds()):.0f} s {side}; verdicts go on",
                    subject=subject,
                    hint="set the camera's clock by NTP; its photos' latencies are not counted meanwhile",
                    where=place.model_dump(),
                )
            )
        if row.right >= CLEAR_AFTER and row.raised:
            row.raised = False
            self._faults.cleared("clock_skew", subject)
