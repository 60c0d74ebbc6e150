"""The word that something of ours is amiss, for people who can mend it. Never about one part: that is a dead letter."""

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AwareDatetime, StringConstraints, model_validator

from shared.events.base import CameraKind, Event, Sha256, Slug

FaultKind = Literal[
    "model_not_loaded",
    "registry_away",
    "registry_older",
    "store_away",
    "disk_full",
    "disk_failed",
    "out_of_memory",
    "clock_skew",
    "dead_letter_flood",
    "step_failed",
    "kafka_failed",
    "rollout_breach",
    "score_drift",
    "embedding_drift",
    "receiver_away",
]
"""What is amiss.

- `model_not_loaded`: an assigned version cannot be used: absent, damaged, not signed by a trusted key, weights missing.
- `registry_away`: Redis does not answer; the last known good assignment is in force.
- `registry_older`: Redis answers with older data than are known; they are not taken over.
- `store_away`: the artifact store does not answer.
- `disk_full`, `disk_failed`: a local file could not be written, for lack of room or for another reason.
- `out_of_memory`: a batch did not fit in the memory of the GPU or the machine; smaller ones are used.
- `clock_skew`: a camera's clock is off.
- `rollout_breach`: a version on trial is beyond the limits of its guard.
- `score_drift`, `embedding_drift`: live parts no longer look to a version like those it was calibrated on.
- `receiver_away`: the mail server or the MQTT broker takes no alerts; they wait.
- `dead_letter_flood`, `step_failed`, `kafka_failed`: a worker ended because of it.
"""
Severity = Literal["warning", "error", "critical"]
"""`warning`: the line works as ordered. `error`: it works, but not as ordered. `critical`: parts wait."""

PLACE_FIELDS: Final = ("plant", "line", "station", "layout", "camera")


class Fault(Event):
    """A fault was raised, is still there, or is over.

    Told at least once for each change; a fault that lasts is told again and again under the same `id`, so that
    `expires` moves on. One whose `expires` has passed is over, or the worker that saw it is gone.
    """

    TYPE: ClassVar[str] = "io.linegate.fault.v1"
    TOPIC: ClassVar[str] = "linegate.faults"

    key: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    """The fault's identity, the same while it lasts and when it comes back; also the record key."""
    kind: FaultKind
    state: Literal["raised", "cleared"]
    severity: Severity
    worker: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """The kind of worker that saw it, e.g. `score`."""
    instance: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    """Which of them."""
    subject: Annotated[str, StringConstraints(max_length=256)] = ""
    """What it is about where a worker can have several of the kind, e.g. an assignment key and a version."""
    plant: Slug | None = None
    line: Slug | None = None
    station: Slug | None = None
    layout: Slug | None = None
    camera: CameraKind | None = None
    """Where, as far as it concerns one place; None for every."""
    version: str | None = None
    digest: Sha256 | None = None
    detail: str
    """What is wrong, one line."""
    hint: str | None = None
    """What to do about it, one line."""
    since: AwareDatetime
    """When it was first seen."""
    expires: AwareDatetime | None = None
    """Until when this word holds unless it is told again; None for `cleared`."""

    @property
    def record_key(self) -> str:
        """One fault's events stay in order."""
        return self.key

    @model_validator(mode="after")
    def _a_raised_fault_expires(self) -> Self:
        if (self.state == "raised") != (self.expires is not None):
            raise ValueError("a raised fault expires, a cleared one does not")
        return self
