"""An alert's life, told step by step: for andon boards, MES and whoever else follows what supervisors are told."""

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from shared.events.base import CameraKind, Event, Id, Model, PartId, Slug
from shared.events.fault import Severity

AlertState = Literal["firing", "acknowledged", "resolved"]
AlertStep = Literal["fired", "repeated", "escalated", "acknowledged", "resolved", "muted", "unmuted"]
"""- `fired`: the condition holds, and no alert of this key was open.
- `repeated`: still open after the subscription's repeat interval; `count` says how often it was seen by now.
- `escalated`: nobody acknowledged it in time.
- `acknowledged`, `resolved`: a person did, or the condition is over (`by` tells).
- `muted`, `unmuted`: a silence or another alert keeps messages back, or no longer does.
"""
ConditionKind = Literal[
    "each_fail",
    "fails_in_window",
    "fail_rate",
    "same_region",
    "no_photos",
    "no_verdicts",
    "dead_letters",
    "fault",
]
Mute = Literal["silence", "inhibition"]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Evidence(Model):
    """One part that an alert is about."""

    image: Id
    """Id of the photo's event."""
    part: PartId
    plant: Slug
    captured: AwareDatetime
    score: float | None = None
    """Raw; None where no model was asked."""
    threshold: float | None = None
    peak: tuple[Fraction, Fraction] | None = None
    """Where the crop looked worst: see `Check.peak`."""


class AlertChanged(Event):
    """An alert took a step. One step, one event, told at least once under the same id."""

    TYPE: ClassVar[str] = "io.linegate.alert.v1"
    TOPIC: ClassVar[str] = "linegate.alerts"

    alert: Id
    """This alert, from `fired` to `resolved`."""
    key: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    """What it is about: the subscription and the group. At most one alert of a key is open. Also the record key."""
    subscription: Slug
    step: AlertStep
    state: AlertState
    """After the step."""
    muted: Mute | None = None
    """Whether messages are kept back, and by what."""
    severity: Severity
    condition: ConditionKind
    plant: Slug | None = None
    line: Slug | None = None
    station: Slug | None = None
    layout: Slug | None = None
    camera: CameraKind | None = None
    part: PartId | None = None
    """What the group has in common; None where the subscription does not group by it."""
    summary: Annotated[str, StringConstraints(max_length=512)]
    """What happened, one line."""
    count: Annotated[int, Field(ge=1)]
    """How often the condition was met since `fired`."""
    since: AwareDatetime
    """When it fired."""
    by: Annotated[str, StringConstraints(max_length=256)]
    """Who took the step; `linegate` for the alert worker."""
    note: Annotated[str, StringConstraints(max_length=1024)] = ""
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=8)] = ()
    """The latest parts, the newest first."""

    @property
    def record_key(self) -> str:
        """One alert's events stay in order."""
        return self.key
