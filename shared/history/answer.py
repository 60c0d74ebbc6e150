"""What the history answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.history.question import Grouping, Scope


@dataclass(frozen=True, slots=True)
class Bucket:
    """Verdicts that have something in common. Each verdict counts once, however often it was archived."""

    plant: str | None
    """Where the grouping keeps plants apart."""
    name: str | None
    """Of the plant, shift, line, station, layout, camera or version. None for `hour` and `day`, for verdicts of a plant
    without shifts, and for those that no model was asked for."""
    line: str | None
    """Of a station."""
    begin: datetime | None
    """Of the hour, day or shift, as an instant in UTC; None where the grouping is not by time."""
    parts: int
    failed: int
    """With `unfound`."""
    unfound: int
    """Failed because no label was found."""
    latency_p50_ms: float | None
    """Shutter to verdict, without photos whose camera's clock is off. None where there is none."""
    latency_p95_ms: float | None
    latency_p99_ms: float | None

    @property
    def passed(self) -> int:
        """Passed verdicts."""
        return self.parts - self.failed

    @property
    def fail_rate(self) -> float:
        """Share of failed verdicts, 0 to 1."""
        return self.failed / self.parts if self.parts else 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """An answer in groups: by time oldest first, else by name."""

    by: Grouping
    scope: Scope
    buckets: tuple[Bucket, ...]
    total: Bucket
    """Over all groups, also those that `truncated` cut off."""
    truncated: bool = False
    """Whether there were more groups than `history.max_rows`; by time the newest are kept."""


@dataclass(frozen=True, slots=True)
class PastVerdict:
    """One verdict of the history. It is a `Pictured`: `EvidenceSource.get` takes it."""

    id: str
    image: str
    part: str
    plant: str
    line: str
    station: str
    layout: str
    camera: str
    captured: datetime
    judged: datetime
    decision: str
    failed_checks: tuple[str, ...]
    score: float | None
    """Of the damage check, with its threshold."""
    threshold: float | None
    peak: tuple[float, float] | None
    version: str | None
    arm: str | None
    latency_ms: float | None
    photo: str | None
    crop: str | None
    evidence: bool
    """Whether the archive meant to keep its pictures."""


Row = dict[str, Any]
