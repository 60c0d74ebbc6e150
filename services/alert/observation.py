"""What is kept of a verdict: when, whether it failed, and where the damage is."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from shared.events import Evidence, Verdict

AHEAD: Final = timedelta(minutes=1)
"""An event time that lies further in our future is a wrong clock's, and ours counts."""
Peak = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Observation:
    """One part, or one dead letter, in a series.

    Attributes:
        id: of the photo; of a dead letter, where it lies.
        time: event time, in whole milliseconds.
        failed: whether the part was rejected.
        part: which part; empty for passed ones, of which no more is kept.
        plant: where.
        score: of the damage check, raw.
        threshold: of the same.
        peak: where the crop looked worst, x and y as shares of its size.
    """

    id: str
    time: datetime
    failed: bool
    part: str = ""
    plant: str = ""
    score: float | None = None
    threshold: float | None = None
    peak: Peak | None = None

    @property
    def order(self) -> tuple[int, str]:
        """Event time, and among the same millisecond the member's text: as Redis sorts."""
        return milliseconds(self.time), self.member

    @property
    def member(self) -> str:
        """The text that stands for it in a series: the same whenever the same verdict is seen. Without the time."""
        if not self.failed:
            return _compact([self.id, 0])
        return _compact([self.id, 1, self.part, self.plant, self.score, self.threshold, self.peak])

    @classmethod
    def of_member(cls, member: str, time_ms: float) -> Self:
        """What stands in a series."""
        values = json.loads(member)
        if len(values) == 2:
            return cls(values[0], moment(time_ms), failed=False)
        image, _, part, plant, score, threshold, peak = values
        where = None if peak is None else (float(peak[0]), float(peak[1]))
        return cls(image, moment(time_ms), True, part, plant, score, threshold, where)

    @property
    def evidence(self) -> Evidence:
        """For an alert."""
        return Evidence(
            image=self.id,
            part=self.part,
            plant=self.plant,
            captured=self.time,
            score=self.score,
            threshold=self.threshold,
            peak=self.peak,
        )


def observe(verdict: Verdict, at: datetime) -> Observation:
    """What is kept of a verdict.

    Event time is when the shutter opened. Where the camera's clock is known to be off, or says that the photo was
    taken after it was judged, it is when the verdict was given.

    Args:
        verdict: of a part.
        at: the present by our clock; nothing happens later than that.
    """
    trusted = verdict.timings.clock_skew is None and verdict.captured <= verdict.time
    said = verdict.captured if trusted else verdict.time
    damage = next((check for check in verdict.checks if check.name == "damage"), None)
    asked = damage if damage is not None and damage.result != "skipped" else None
    return Observation(
        id=verdict.image,
        time=moment(milliseconds(said if said <= at + AHEAD else at)),
        failed=verdict.decision == "fail",
        part=verdict.part,
        plant=verdict.plant,
        score=None if asked is None else asked.score,
        threshold=None if asked is None else asked.threshold,
        peak=None if asked is None else asked.peak,
    )


def milliseconds(time: datetime) -> int:
    """Since 1970."""
    return (time - _FIRST) // timedelta(milliseconds=1)


def moment(time_ms: float) -> datetime:
    """The time so many milliseconds after 1970."""
    return _FIRST + timedelta(milliseconds=time_ms)


_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _compact(values: list[object]) -> str:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)
