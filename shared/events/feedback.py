"""What people found out about a part after its verdict, and the labelled part that this makes."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import StringConstraints, model_validator

from shared.events.base import Id, Model, PartEvent, Sha256, VersionId
from shared.events.verdict import Arm, Outcome

Finding = Literal["confirmed_damage", "false_alarm", "missed_damage", "confirmed_good"]
"""- `confirmed_damage`: it failed, and is damaged.
- `false_alarm`: it failed, and is good.
- `missed_damage`: it passed, and is damaged.
- `confirmed_good`: it passed, and is good.
"""
DECIDED: dict[Finding, Outcome] = {
    "confirmed_damage": "fail",
    "false_alarm": "fail",
    "missed_damage": "pass",
    "confirmed_good": "pass",
}
"""The verdict that each finding is about."""


class Judged(Model):
    """What the verdict said, for senders who have it; otherwise it is looked up by `image`."""

    decision: Outcome
    version: VersionId
    digest: Sha256
    arm: Arm
    score: float
    threshold: float
    assignment: Annotated[str, StringConstraints(max_length=320)]


class Feedback(PartEvent):
    """Somebody looked at a part and says whether its verdict was right. The latest word on a photo counts."""

    TYPE: ClassVar[str] = "io.linegate.feedback.v1"
    TOPIC: ClassVar[str] = "linegate.feedback"

    image: Id
    """Id of the photo's event."""
    finding: Finding
    by: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    note: Annotated[str, StringConstraints(max_length=1024)] = ""
    judged: Judged | None = None

    @model_validator(mode="after")
    def _fits_the_verdict(self) -> Self:
        if self.judged is not None and self.judged.decision != DECIDED[self.finding]:
            raise ValueError(f"{self.finding} is about a part that did {DECIDED[self.finding]}, this one did not")
        return self


class LabelledPart(PartEvent):
    """A photo with its true label and its verdict: one more part to calibrate on, at its assignment."""

    TYPE: ClassVar[str] = "io.linegate.labelled.v1"
    TOPIC: ClassVar[str] = "linegate.labels"

    image: Id
    label: Literal["good", "damaged"]
    finding: Finding
    by: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    note: Annotated[str, StringConstraints(max_length=1024)] = ""
    judged: Judged

    @property
    def record_key(self) -> str:
        """The photo: compaction keeps the last word on each."""
        return self.image


def label_of(finding: Finding) -> Literal["good", "damaged"]:
    """The true label that a finding tells."""
    return "damaged" if finding in ("confirmed_damage", "missed_damage") else "good"
