"""What is particular to a plant: its name for people, its clock, its shifts."""

from datetime import time
from typing import Self

from pydantic import Field, model_validator

from shared.settings.sections import Section
from shared.time_zone import TimeZone


class Shift(Section):
    """One shift of a day."""

    name: str = Field(description="What people call it, e.g. early.")
    begin: time = Field(description="When it begins, by the plant's clock; it ends where the next one begins.")


class PlantSettings(Section):
    """One plant."""

    title: str | None = Field(None, description="Its name for people; the one in addresses by default.")
    zone: TimeZone = Field("UTC", description="Its time zone, e.g. Europe/Berlin.")
    shifts: tuple[Shift, ...] = Field((), description="Its shifts; a shift may go over midnight.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        begins = [shift.begin for shift in self.shifts]
        if begins != sorted(set(begins)):
            raise ValueError("shifts stand in the order in which they begin, each at a time of its own")
        return self

    def shift_at(self, clock: time) -> str | None:
        """The name of the shift at a time of the plant's day; None where it has no shifts."""
        if not self.shifts:
            return None
        begun = [shift.name for shift in self.shifts if shift.begin <= clock]
        return begun[-1] if begun else self.shifts[-1].name


class PlantsSettings(Section):
    """Plants: their names for people, clocks and shifts (docs/history.md)."""

    named: dict[str, PlantSettings] = Field(
        default_factory=dict, description="By the plant's name in addresses; in the file `[plants.named.munich]`."
    )
    zone: TimeZone = Field("UTC", description="Time zone of plants that are not named.")

    def of(self, plant: str) -> PlantSettings:
        """What is known of a plant."""
        return self.named.get(plant) or PlantSettings(title=None, zone=self.zone, shifts=())
