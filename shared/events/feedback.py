"""What people found out about a part after its verdict, and the labelled part that this makes."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import StringConstraints, model_validator

from shared.events.base import Id, Model, PartEvent, Sha256
from shared.events.verdict import Outcome, Verdict

Finding = Literal["confirmed_damage", "false_alarm", "missed_damage", "confirmed_good"]
"""- `confirmed_damage`: it failed, and is damaged.
- `false_alarm`: it failed, and is good.
- `missed_damage`: it passed, and is damaged.
- `confirmed_good`: it passed, and is good.
"""
Label = Literal["good", "damaged"]
DECIDED: dict[Finding, Outcome] = {
    "confirmed_damage": "fail",
    "false_alarm": "fail",
    "missed_damage": "pass",
    "confirmed_good": "pass",
}
"""The verdict that each finding is about."""
Author = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""Who says so, e.g. the subject of a token."""
Note = Annotated[str, StringConstraints(max_length=1024)]


class JudgedModel(Model):
    """Which model judged a photo, and how its damage check came out."""

    version: str
    digest: Sha256
    arm: Literal["champion", "canary"]
    """Never `shadow`: a shadow's verdict does not gate, so nobody acts on it."""
    assignment: str
    """The assignment key that matched."""
    score: float
    """Raw."""
    threshold: float


class Judged(Model):
    """What the gating verdict said."""

    decision: Outcome
    model: JudgedModel | None = None
    """None where no model was asked, as when no label was found in the photo."""

    @model_validator(mode="after")
    def _passes_below_its_threshold(self) -> Self:
        if self.decision == "pass" and self.model is not None and self.model.score >= self.model.threshold:
            raise ValueError("a part whose score reaches the threshold cannot have passed")
        return self

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """What `verdict` said.

        Raises:
            ValueError: it is a shadow's.
        """
        damage = next((check for check in verdict.checks if check.name == "damage"), None)
        stamp = verdict.model
        if stamp is None or damage is None or damage.score is None or damage.threshold is None:
            return cls(decision=verdict.decision)
        if stamp.arm == "shadow":
            raise ValueError(f"the verdict {verdict.id} is a shadow's")
        model = JudgedModel(
            version=stamp.version,
            digest=stamp.digest,
            arm=stamp.arm,
            assignment=stamp.assignment,
            score=damage.score,
            threshold=damage.threshold,
        )
        return cls(decision=verdict.decision, model=model)


class Feedback(PartEvent):
    """Somebody looked at a part and says whether its verdict was right. The latest word on a photo counts."""

    TYPE: ClassVar[str] = "io.linegate.feedback.v1"
    TOPIC: ClassVar[str] = "linegate.feedback"

    image: Id
    """Id of the photo's event."""
    finding: Finding
    by: Author
    note: Note = ""
    judged: Judged | None = None
    """For senders who have the verdict; otherwise it is looked up by plant and `image`, and address and `captured` of
    the label are the verdict's. A station or layout of `any` means that the sender does not know it."""

    @model_validator(mode="after")
    def _fits_the_verdict(self) -> Self:
        if self.judged is not None and (wrong := contradiction(self.finding, self.judged.decision)):
            raise ValueError(wrong)
        return self


class LabelledPart(PartEvent):
    """A photo with its true label and its verdict: one more part to calibrate on, at its assignment."""

    TYPE: ClassVar[str] = "io.linegate.labelled.v1"
    TOPIC: ClassVar[str] = "linegate.labels"

    image: Id
    label: Label
    finding: Finding
    by: Author
    note: Note = ""
    feedback: Id
    """Id of the feedback that it follows from; `time` is when that was given."""
    judged: Judged

    @property
    def record_key(self) -> str:
        """Plant and photo: compaction keeps the last word on each. Senders choose ids, so two plants may share one."""
        return f"{self.plant}/{self.image}"


def label_of(finding: Finding) -> Label:
    """The true label that a finding tells."""
    return "damaged" if finding in ("confirmed_damage", "missed_damage") else "good"


def contradiction(finding: Finding, decision: Outcome) -> str | None:
    """Why a finding cannot be about a verdict, in words; None where it can."""
    if DECIDED[finding] == decision:
        return None
    verbs = {"pass": "passed", "fail": "failed"}
    return f"{finding} is about a part that {verbs[DECIDED[finding]]}, and this one {verbs[decision]}"
