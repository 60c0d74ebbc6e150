"""What the page of the history draws. Pure: no text for people; times are instants."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from shared.history import Bucket, Grouping, Summary

TABLE_ROWS: Final = 400
"""More are in the CSV."""
MOST_SERIES: Final = 5
"""Plants beyond so many are drawn as one line: nobody can tell six colours apart."""
MOST_SLOTS: Final = 3000
MOST_BARS: Final = 40
Kind: TypeAlias = Literal["accent", "warn", "pass", "muted", "fail"]
KINDS: Final[tuple[Kind, ...]] = ("accent", "warn", "pass", "muted", "fail")
_STEPS: Final[Mapping[Grouping, timedelta]] = MappingProxyType({"hour": timedelta(hours=1), "day": timedelta(days=1)})


@dataclass(frozen=True, slots=True)
class Line:
    """A fail rate over time.

    Attributes:
        plant: whose; None: of all that are shown.
        kind: how it is drawn.
        values: share of fails at each slot; None where nothing was judged.
    """

    plant: str | None
    kind: Kind
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Fail rates over time.

    Attributes:
        slots: when each begins, without a gap where they are hours.
        lines: one for each plant, or one for all.
        parts: judged in each slot, of all lines together.
    """

    slots: tuple[datetime, ...]
    lines: tuple[Line, ...]
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A group's fail rate beside others."""

    bucket: Bucket
    width: float
    """0 to 100, of the highest rate."""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that is drawn.

    Attributes:
        summary: the answer.
        timeline: of groups that follow one another; None for others.
        bars: of groups that stand side by side, as many as can be looked at; empty for others.
        rows: of the table: by time the newest first, else the highest rate first.
        cut: how many groups are not in the table.
    """

    summary: Summary
    timeline: Timeline | None
    bars: tuple[Bar, ...]
    rows: tuple[Bucket, ...]
    cut: int

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.summary.buckets


def same_days(summary: Summary, zone_of: Callable[[str | None], ZoneInfo], shown_in: ZoneInfo) -> Summary:
    """An answer by day in which a date begins at one moment for all plants, so that they stand in one column.

    Args:
        summary: by day, plants apart.
        zone_of: the zone of a plant.
        shown_in: begins are moved to the noon of the same date here, so that whoever tells the date tells this one.
    """
    dated = [
        (bucket.begin.astimezone(zone_of(bucket.plant)).date(), bucket)
        for bucket in summary.buckets
        if bucket.begin is not None
    ]
    in_order = sorted(dated, key=lambda one: (one[0], one[1].plant or ""))
    return replace(summary, buckets=tuple(replace(bucket, begin=_noon(day, shown_in)) for day, bucket in in_order))


def page(summary: Summary) -> Page:
    """What is drawn of an answer."""
    by_time = summary.by in {"hour", "day", "shift"}
    ranked = sorted(summary.buckets, key=_rank) if not by_time else list(reversed(summary.buckets))
    highest = max((bucket.fail_rate for bucket in summary.buckets), default=0.0)
    bars = () if by_time else tuple(Bar(one, 100 * one.fail_rate / (highest or 1.0)) for one in ranked[:MOST_BARS])
    return Page(
        summary=summary,
        timeline=timeline(summary) if by_time and summary.buckets else None,
        bars=bars,
        rows=tuple(ranked[:TABLE_ROWS]),
        cut=max(0, len(ranked) - TABLE_ROWS),
    )


def timeline(summary: Summary) -> Timeline:
    """The fail rates of groups that follow one another.

    Args:
        summary: by hour, day or shift; not empty.
    """
    slots = _slots(summary)
    place = {slot: number for number, slot in enumerate(slots)}
    plants = sorted({bucket.plant for bucket in summary.buckets if bucket.plant is not None})
    counts: dict[str | None, list[tuple[int, int]]] = {}
    apart = 1 < len(plants) <= MOST_SERIES
    for bucket in summary.buckets:
        number = None if bucket.begin is None else place.get(bucket.begin)
        if number is None:
            continue
        own = counts.setdefault(bucket.plant if apart else None, [(0, 0)] * len(slots))
        failed, parts = own[number]
        own[number] = failed + bucket.failed, parts + bucket.parts
    names = sorted(counts, key=lambda plant: plant or "")
    lines = tuple(
        Line(plant, KINDS[number % len(KINDS)], tuple(_rate(*one) for one in counts[plant]))
        for number, plant in enumerate(names)
    )
    parts_of = tuple(sum(own[number][1] for own in counts.values()) for number in range(len(slots)))
    return Timeline(slots, lines, parts_of)


def _slots(summary: Summary) -> tuple[datetime, ...]:
    begins = sorted({bucket.begin for bucket in summary.buckets if bucket.begin is not None})
    if summary.by in _STEPS and begins:
        # An hour or day in which nothing was judged is a gap in the line, not a shorter line.
        step = _STEPS[summary.by]
        filled = [begins[0]]
        for begin in begins[1:]:
            # Days are not all of 24 hours: the gap is filled from the last one that is known.
            while begin - filled[-1] >= step * 1.5 and len(filled) < MOST_SLOTS:
                filled.append(filled[-1] + step)
            filled.append(begin)
        begins = filled
    return tuple(begins)


def known_values(values: Iterable[str | None]) -> tuple[str, ...]:
    """What a filter may be set to, in order, each once."""
    return tuple(sorted({value for value in values if value}))


def _noon(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(12), zone).astimezone(UTC)


def _rate(failed: int, parts: int) -> float | None:
    return failed / parts if parts else None


def _rank(bucket: Bucket) -> tuple[float, str, str, str]:
    return -bucket.fail_rate, bucket.plant or "", bucket.line or "", bucket.name or ""
