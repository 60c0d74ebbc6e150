"""What can be asked of the history."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, get_args

Grouping = Literal["hour", "day", "shift", "shift_name", "plant", "line", "station", "layout", "camera", "version"]
"""By what verdicts are counted.

- `hour`, `day`: by the plant's clock, plants apart; in the night the clocks go back, the hour that comes twice is two.
- `shift`: each shift of each day, plants apart. A shift over midnight belongs to the day it began on.
- `shift_name`: all early shifts together, all late shifts together.
- `plant`, `line`, `station`: plants (and lines) apart. `layout`, `camera`, `version`: over all plants.
"""
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)
Decision = Literal["pass", "fail"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which verdicts a question is about; None leaves a thing open.

    Raises:
        ValueError: a time has no offset from UTC, or the span is empty.
    """

    plant: str | None = None
    plants: tuple[str, ...] | None = None
    """Only these, e.g. those that the asker may read; None means any."""
    line: str | None = None
    station: str | None = None
    layout: str | None = None
    camera: str | None = None
    version: str | None = None
    decision: Decision | None = None
    part: str | None = None
    since: datetime | None = None
    """Captured at or after."""
    until: datetime | None = None
    """Captured before."""

    def __post_init__(self) -> None:
        for moment in (self.since, self.until):
            if moment is not None and moment.utcoffset() is None:
                raise ValueError(f"{moment} has no offset from UTC")
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError(f"nothing lies between {self.since} and {self.until}")

    def covers_plant(self, plant: str) -> bool:
        """Whether verdicts of `plant` are asked for."""
        return self.plant in (None, plant) and (self.plants is None or plant in self.plants)

    def covers_day(self, day: date) -> bool:
        """Whether photos of this UTC day can be asked for."""
        return (self.since is None or day >= self.since.astimezone(UTC).date()) and (
            self.until is None or day <= self.until.astimezone(UTC).date()
        )
