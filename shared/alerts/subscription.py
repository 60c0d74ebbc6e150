"""A subscription: who wants to be told of what, where, when and how."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.alerts.channels import Channel
from shared.alerts.conditions import Condition
from shared.alerts.hours import ActiveHours
from shared.events import Severity
from shared.events.base import Model, Slug
from shared.registry.place_key import PlaceKey

GroupField = Literal["plant", "line", "station", "layout", "camera", "part"]
Seconds = Annotated[float, Field(ge=0, le=7 * 86_400)]


class Escalation(Model):
    """Whom else to tell where nobody acknowledges."""

    after_s: Annotated[float, Field(gt=0, le=7 * 86_400)] = 900
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=8)]


class Subscription(Model):
    """Changed by compare-and-swap, as everything in Redis."""

    id: Slug
    title: Annotated[str, StringConstraints(max_length=128)] = ""
    """For people; the id where it is empty."""
    scope: PlaceKey
    """Which places, e.g. `munich/line-1/*/*/*`."""
    condition: Condition
    severity: Severity = "warning"
    channels: Annotated[tuple[Channel, ...], Field(max_length=8)] = ()
    """None: the alert is seen in the console, on the event stream and on its topic only."""
    group_by: tuple[GroupField, ...] = ("plant", "line", "station")
    """Places that differ in one of these have alerts of their own; `part`: each part has its own."""
    hours: ActiveHours | None = None
    """When it is awake; None: always."""
    repeat_s: Seconds = 3600
    """An alert that stays open is told again after this time, not with every part; 0: never again."""
    resolve_after_s: Annotated[float, Field(gt=0, le=7 * 86_400)] = 1800
    """An alert is over when its condition was not met for this long."""
    escalation: Escalation | None = None
    tell_resolved: bool = False
    """Whether channels are told when it is over. Andon lights (MQTT) always are."""
    language: Literal["en", "de"] = "en"
    enabled: bool = True
    owner: Annotated[str, StringConstraints(max_length=256)] = "unknown"
    """Who made or last changed it."""

    @model_validator(mode="after")
    def _names_are_own(self) -> Self:
        names = [channel.name for channel in self.all_channels()]
        if len(set(names)) != len(names):
            raise ValueError("two channels have the same name")
        if len(set(self.group_by)) != len(self.group_by):
            raise ValueError("group_by names a field twice")
        if "part" in self.group_by and self.condition.kind != "each_fail":
            raise ValueError("only each_fail can group by part: other conditions need several parts")
        return self

    def all_channels(self) -> tuple[Channel, ...]:
        """Its own and those of the escalation."""
        return self.channels + (self.escalation.channels if self.escalation is not None else ())

    def channel(self, name: str) -> Channel | None:
        """The channel of that name."""
        return next((channel for channel in self.all_channels() if channel.name == name), None)
