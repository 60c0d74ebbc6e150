"""When a subscription is awake: weekdays and a time of day, in the time zone of those who are at work."""

from datetime import datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from shared.events.base import Model
from shared.time_zone import TimeZone

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _without_zone(clock: time) -> time:
    if clock.tzinfo is not None:
        raise ValueError("a time of day has no offset of its own: `zone` says where it is")
    return clock


Clock = Annotated[time, AfterValidator(_without_zone)]


class ActiveHours(Model):
    """From `begin` until before `end`, on the days named; a shift that ends after midnight belongs to its first day."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = WEEK
    begin: Clock = time(0, 0)
    end: Clock = time(0, 0)
    """Equal to `begin`: the whole day."""
    zone: TimeZone = "UTC"

    def contains(self, moment: datetime) -> bool:
        """Whether `moment` (aware) lies in them.

        Wall clock decides, so where clocks are set back an hour counts twice and where they are set forward it is
        missing, as it is for those at work.
        """
        local = moment.astimezone(ZoneInfo(self.zone))
        clock = local.time().replace(tzinfo=None)
        if self.begin < self.end:
            return self.begin <= clock < self.end and WEEK[local.weekday()] in self.days
        # Over midnight, or the whole day.
        day = local if clock >= self.begin else local - timedelta(days=1)
        return (clock >= self.begin or clock < self.end) and WEEK[day.weekday()] in self.days

    def began(self, moment: datetime) -> datetime | None:
        """When the time that `moment` (aware) lies in began; None where it does not lie in them, or they never end.

        Days that follow each other without a gap (`end` equal to `begin`) are one time.
        """
        if not self.contains(moment) or (self.begin == self.end and len(set(self.days)) == len(WEEK)):
            return None
        zone = ZoneInfo(self.zone)
        local = moment.astimezone(zone)
        day = local.date() if local.time().replace(tzinfo=None) >= self.begin else local.date() - timedelta(days=1)
        while self.begin == self.end and WEEK[(day - timedelta(days=1)).weekday()] in self.days:
            day -= timedelta(days=1)
        return datetime.combine(day, self.begin, zone)
