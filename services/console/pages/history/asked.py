"""What the filters of the page ask for. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.history import Grouping, Scope

Period: TypeAlias = Literal["24h", "7d", "30d", "90d", "days"]
PERIODS: Final[Mapping[Period, timedelta]] = MappingProxyType(
    {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
)
BY: Final[tuple[Grouping, ...]] = (
    "hour", "day", "shift_name", "shift", "plant", "line", "station", "layout", "camera", "version",
)  # fmt: skip
BY_TIME: Final[frozenset[Grouping]] = frozenset({"hour", "day", "shift"})
_FIRST: Final = date(1970, 1, 2)
_LAST: Final = date(9998, 12, 30)


class Asked(BaseModel):
    """The query of the page, as browsers send it: a field that is not understood is as if it were not there."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    by: Grouping = "hour"
    period: Period = "24h"
    since: date | None = None
    """The first day, by the clock of the plant; only with `days`."""
    until: date | None = None
    """The last day."""
    line: str = Field("", max_length=64)
    station: str = Field("", max_length=64)
    layout: str = Field("", max_length=64)
    camera: str = Field("", max_length=16)
    version: str = Field("", max_length=96)

    @field_validator("by", mode="before")
    @classmethod
    def _grouping(cls, value: object) -> object:
        return value if value in BY else "hour"

    @field_validator("period", mode="before")
    @classmethod
    def _period(cls, value: object) -> object:
        return value if value in get_args(Period) else "24h"

    @field_validator("since", "until", mode="before")
    @classmethod
    def _day(cls, value: object) -> date | None:
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(str(value))
        except ValueError:
            return None
        # Days at the ends of the calendar have no neighbours, and no time zone can be told of them.
        return day if _FIRST <= day <= _LAST else None

    @field_validator("line", "station", "layout", "camera", "version", mode="before")
    @classmethod
    def _trimmed(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value

    @property
    def by_time(self) -> bool:
        """Whether the groups follow one another."""
        return self.by in BY_TIME

    def query(self) -> dict[str, str | None]:
        """The same as a query; None where a field says nothing."""
        told = self.model_dump(exclude={"since", "until"})
        days = {name: None if value is None else value.isoformat() for name, value in self._days().items()}
        return {name: value or None for name, value in {**told, **days}.items()}

    def _days(self) -> dict[str, date | None]:
        return {"since": self.since, "until": self.until} if self.period == "days" else {"since": None, "until": None}


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when; None leaves an end open."""

    since: datetime | None
    until: datetime | None


def span(asked: Asked, zone: ZoneInfo, now: datetime) -> Span:
    """The time that is asked for.

    Args:
        asked: the filters. Of days that are the wrong way round the earlier is the first.
        zone: of the days.
        now: the time.
    """
    if asked.period != "days":
        return Span(now - PERIODS[asked.period], None)
    days = sorted(day for day in (asked.since, asked.until) if day is not None)
    first = None if asked.since is None else days[0]
    last = None if asked.until is None else days[-1]
    return Span(_midnight(first, zone), _midnight(None if last is None else last + timedelta(days=1), zone))


def scope(asked: Asked, *, plant: str | None, plants: tuple[str, ...] | None, zone: ZoneInfo, now: datetime) -> Scope:
    """The question.

    Args:
        asked: the filters.
        plant: that is looked at; None: all of `plants`.
        plants: that may be looked at; None: any.
        zone: of the days.
        now: the time.
    """
    within = span(asked, zone, now)
    return Scope(
        plant=plant,
        plants=plants,
        line=asked.line or None,
        station=asked.station or None,
        layout=asked.layout or None,
        camera=asked.camera or None,
        version=asked.version or None,
        since=within.since,
        until=within.until,
    )


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, zone).astimezone(UTC)
