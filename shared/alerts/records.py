"""What is kept of an alert, of a silence and of a message on its way."""

from typing import Annotated, Final

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from shared.events import (
    AlertChanged,
    AlertState,
    AlertStep,
    CameraKind,
    ConditionKind,
    Evidence,
    Mute,
    Severity,
    derived_event_id,
)
from shared.events.base import Id, Model, PartId, Slug
from shared.registry.place_key import PlaceKey

EVIDENCE_KEPT: Final = 5
SYSTEM: Final = "linegate"
"""The author of what no person did."""
Author = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Note = Annotated[str, StringConstraints(max_length=1024)]


class Group(Model):
    """What the parts of one alert have in common; None where the subscription does not group by it."""

    plant: Slug | None = None
    line: Slug | None = None
    station: Slug | None = None
    layout: Slug | None = None
    camera: CameraKind | None = None
    part: PartId | None = None

    def __str__(self) -> str:
        # A part's id may hold slashes, so it comes last.
        named = (self.plant, self.line, self.station, self.layout, self.camera, self.part)
        return "/".join("*" if value is None else value for value in named).rstrip("/*") or "*"


class Trigger(Model):
    """A condition was met."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    """Of what met it, e.g. the photo's id: the same again after a crash, so that nothing counts twice."""
    group: Group
    summary: Annotated[str, StringConstraints(max_length=512)]
    time: AwareDatetime
    """Event time."""
    evidence: tuple[Evidence, ...] = ()
    """Newest first."""


class Alert(Model):
    """From `firing` to `resolved`. How it goes from one to the other: `shared.alerts.life`."""

    id: Id
    key: str
    subscription: Slug
    title: str = ""
    """The subscription's, when it fired."""
    condition: ConditionKind
    severity: Severity
    group: Group
    summary: str
    state: AlertState = "firing"
    muted: Mute | None = None
    count: Annotated[int, Field(ge=1)] = 1
    since: AwareDatetime
    """When it fired, by our clock."""
    last: AwareDatetime
    """When its condition was last met, by our clock."""
    told: AwareDatetime | None = None
    """When its channels were last told; None while every message was kept back."""
    heard: AwareDatetime | None = None
    """When its channels were first told: from then on somebody could have acknowledged it."""
    acknowledged_by: str | None = None
    acknowledged: AwareDatetime | None = None
    escalated: AwareDatetime | None = None
    resolved_by: str | None = None
    resolved: AwareDatetime | None = None
    note: str = ""
    """The latest person's."""
    steps: Annotated[int, Field(ge=1)] = 1
    """How many it took so far: the number in each step's event id."""
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=EVIDENCE_KEPT)] = ()
    """Newest first."""

    @property
    def open(self) -> bool:
        """Whether it is not resolved."""
        return self.state != "resolved"

    def changed(self, step: AlertStep, *, by: str, at: AwareDatetime, note: str = "") -> AlertChanged:
        """The event of the step that led here."""
        return AlertChanged(
            id=derived_event_id(self.id, f"alert:{self.steps}"),
            source="/linegate/alert",
            time=at,
            alert=self.id,
            key=self.key,
            subscription=self.subscription,
            step=step,
            state=self.state,
            muted=self.muted,
            severity=self.severity,
            condition=self.condition,
            **self.group.model_dump(),
            summary=self.summary,
            count=self.count,
            since=self.since,
            by=by,
            note=note,
            evidence=self.evidence,
        )


class HeldAlert(Model):
    """An alert as Redis holds it."""

    revision: int
    record: Alert


class Silence(Model):
    """Messages of these places are kept back for a while, e.g. during maintenance. Alerts go on, and say so."""

    id: Slug
    scope: PlaceKey
    conditions: tuple[ConditionKind, ...] = ()
    """Only these; none named means any."""
    begin: AwareDatetime
    end: AwareDatetime
    by: Author
    note: Note = ""

    @model_validator(mode="after")
    def _ends_later(self) -> "Silence":
        if self.end <= self.begin:
            raise ValueError("a silence ends after it begins")
        return self


class Message(Model):
    """One message to one channel, in its outbox until it is delivered or given up."""

    id: Id
    """The same with every attempt, so that receivers can tell a repetition (`webhook-id`)."""
    subscription: Slug
    channel: Slug
    change: AlertChanged
    title: str = ""
    language: str = "en"
    created: AwareDatetime
    test: bool = False
    """Made by the test button: about no real alert."""

    @property
    def lane(self) -> str:
        """Its outbox."""
        return lane(self.subscription, self.channel)


def lane(subscription: str, channel: str) -> str:
    """The name of a channel's outbox: what is in one never waits for another."""
    return f"{subscription}/{channel}"
