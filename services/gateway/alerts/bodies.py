"""What the routes of alerts take and answer."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.alerts.records import Alert, HeldAlert
from shared.events import ConditionKind, Severity
from shared.events.base import Slug

Note = Annotated[str, StringConstraints(max_length=1024, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
"""One line. What looks like markup is text, and stays it."""


class AlertShown(Alert):
    """An alert. Its entity tag is its revision in quotation marks; it counts up with every part that joins."""

    revision: int = Field(examples=[12])

    @classmethod
    def of(cls, held: HeldAlert) -> Self:
        """As Redis holds it."""
        return cls.model_validate({**held.record.model_dump(), "revision": held.revision})


class Alerts(BaseModel):
    """Alerts that you may see, the latest first."""

    alerts: list[AlertShown]


class AlertQuery(BaseModel):
    """Which alerts."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["open", "firing", "acknowledged", "resolved", "any"] = Field(
        "open", description="`open` is firing or acknowledged; resolved ones are kept for a while."
    )
    plant: Slug | None = Field(None, description="Only of this plant.")
    subscription: Slug | None = Field(None, description="Only of this subscription.")
    severity: Severity | None = Field(None, description="Only of this severity.")
    condition: ConditionKind | None = Field(None, description="Only of this kind of condition.")
    count: int = Field(100, ge=1, le=1000, description="At most so many.")

    def wants(self, alert: Alert) -> bool:
        """Whether `alert` is one of them."""
        states = {"open": ("firing", "acknowledged"), "any": ("firing", "acknowledged", "resolved")}
        return (
            alert.state in states.get(self.state, (self.state,))
            and self.plant in (None, alert.group.plant)
            and self.subscription in (None, alert.subscription)
            and self.severity in (None, alert.severity)
            and self.condition in (None, alert.condition)
        )


class AlertStepTaken(BaseModel):
    """Acknowledge or resolve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: Note = Field("", description="In your own words, one line.", examples=["printer head cleaned"])
