"""What a line does now, as its card shows it. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from services.console.live.memory import LineState
from services.console.live.minutes import Window
from shared.events import Verdict

NOW_MINUTES: Final = 10
"""What "now" means for rates and latencies."""
RATE_MINUTES: Final = 5
HOUR_MINUTES: Final = 60
QUIET: Final = timedelta(minutes=5)
"""A line without a verdict for so long is said to be quiet."""
BEYOND_CHANCE: Final = 0.01
Trend = Literal["worse", "usual", "unknown"]


@dataclass(frozen=True)
class Bar:
    """One minute of the little chart."""

    at: datetime
    passed: int
    failed: int


@dataclass(frozen=True)
class LineCard:
    """One line of a plant."""

    plant: str
    line: str
    rate: float | None
    """Parts a minute; None where nothing was judged lately."""
    now: Window
    hour: Window
    trend: Trend
    """Whether more parts fail now than the hour's rate and chance explain."""
    latest: Verdict | None
    fail: Verdict | None
    """The latest that failed."""
    quiet: bool
    bars: tuple[Bar, ...]
    most: int
    """Parts in the fullest minute."""

    @property
    def key(self) -> str:
        """Names the card on the page."""
        return f"line-{self.plant}-{self.line}"


def line_card(plant: str, line: str, state: LineState, *, at: datetime, history_minutes: int) -> LineCard:
    """The card of a line at a moment."""
    hour = state.minutes.window(at, min(HOUR_MINUTES, history_minutes))
    recent = state.minutes.window(at, NOW_MINUTES)
    bars = tuple(
        Bar(moment, minute.photos - minute.fails, minute.fails)
        for moment, minute in state.minutes.series(at, min(HOUR_MINUTES, history_minutes))
    )
    latest = state.latest
    return LineCard(
        plant=plant,
        line=line,
        rate=_rate(state, at),
        now=recent,
        hour=hour,
        trend=_trend(recent, hour),
        latest=latest,
        fail=state.fail,
        quiet=latest is None or at - latest.time > QUIET,
        bars=bars,
        most=max((bar.passed + bar.failed for bar in bars), default=0),
    )


def cards(
    lines: Iterable[tuple[str, str, LineState]], shown: Iterable[str], *, at: datetime, history_minutes: int
) -> dict[str, list[LineCard]]:
    """The cards of the plants that are shown, by plant; a plant without lines has none."""
    found: dict[str, list[LineCard]] = {plant: [] for plant in shown}
    for plant, line, state in lines:
        if plant in found:
            found[plant].append(line_card(plant, line, state, at=at, history_minutes=history_minutes))
    return found


def _rate(state: LineState, at: datetime) -> float | None:
    photos = state.minutes.window(at, RATE_MINUTES).photos
    if not photos or state.first is None:
        return None
    begin = datetime.fromtimestamp((at.timestamp() // 60 - RATE_MINUTES + 1) * 60, at.tzinfo)
    # A line that has just begun is not slow: its time counts from its first part.
    seconds = max(30.0, (at - max(begin, state.first)).total_seconds())
    return photos / seconds * 60


def _trend(recent: Window, hour: Window) -> Trend:
    before_photos, before_fails = hour.photos - recent.photos, hour.fails - recent.fails
    if recent.photos < 5 or before_photos < 20:
        return "unknown"
    # One fail more than was seen (Laplace): no rate is taken for zero.
    usual = (before_fails + 1) / (before_photos + 2)
    return "worse" if tail(recent.photos, recent.fails, usual) < BEYOND_CHANCE else "usual"


def tail(n: int, k: int, p: float) -> float:
    """The probability of `k` or more out of `n` where each has probability `p` (binomial)."""
    if k <= 0:
        return 1.0
    terms = (
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(p) + (n - i) * math.log1p(-p)
        for i in range(k, n + 1)
    )
    return min(1.0, math.fsum(math.exp(term) for term in terms))
