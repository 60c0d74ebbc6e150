"""The verdict: named checks, their conjunction, and everything needed to explain it years later."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.events.base import Model, PartEvent, RecordAt, Sha256

Outcome = Literal["pass", "fail"]
CheckName = Literal["presence", "damage", "layout", "direction", "content"]
Arm = Literal["champion", "canary", "shadow"]
Milliseconds = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Check(Model):
    """One question asked of the part. `score` is raw and unclamped; the check fails where score >= threshold.

    For `presence` the sense is turned round: the detector's confidence must reach the threshold.
    """

    name: CheckName
    result: Literal["pass", "fail", "skipped"]
    score: float | None = None
    threshold: float | None = None
    detail: str | None = None
    """One line for people, e.g. why the check was skipped."""
    peak: tuple[Share, Share] | None = None
    """Where the anomaly map is highest: x and y as shares of the crop's width and height. None without a map."""


class Fallback(Model):
    """Why a part was judged by another version than the one that should have judged it."""

    assigned: str
    """The version that should have judged."""
    arm: Arm
    """Its arm: `champion`, or `canary` where the champion took a canary's part over."""
    reason: str
    """Why it is not in force, one line."""


class ModelStamp(Model):
    """Which model judged, and by whose order."""

    version: str
    digest: Sha256
    kind: str
    arm: Arm
    assignment: str
    """The assignment key that matched, e.g. `munich/line-1/*/us/stationary`."""
    revision: int
    """The registry revision of that assignment."""
    stale: bool = False
    """True when the registry could not be reached and the last known good assignment was used."""
    embedding: Annotated[float, Field(ge=0)] | None = None
    """How far the crop's mean features lie from those of the training crops, in their standard deviations (root mean
    square over channels; about 1 for a crop like them). None where the version has no such reference."""
    fallback: Fallback | None = None
    """Set when the assigned version could not be loaded; `version` and `digest` name the one that judged instead."""


class Timings(Model):
    """Where the time went, in milliseconds."""

    fetch: Milliseconds | None = None
    decode: Milliseconds | None = None
    crop: Milliseconds | None = None
    score: Milliseconds | None = None
    model: Milliseconds | None = None
    """This model's own share of `score`: its part of the forward pass, and its scoring."""
    batch: Annotated[int, Field(ge=1)] | None = None
    """How many crops shared the forward pass."""
    capture_to_verdict: float | None = None
    """Wall clock from shutter to verdict; negative when the camera's clock runs ahead of ours."""
    clock_skew: float | None = None
    """How far the camera's clock seems to be ahead of the sender's, or behind (negative). Set only beyond the limit
    `faults.clock_skew_s`; then `captured` and `capture_to_verdict` are not to be trusted."""


def decide(checks: tuple[Check, ...]) -> Outcome:
    """The conjunction of the checks: any failed check fails the part."""
    return "fail" if any(check.result == "fail" for check in checks) else "pass"


class Verdict(PartEvent):
    """Pass or fail for one photo of one part. Exactly one is published per image event."""

    TYPE: ClassVar[str] = "io.linegate.verdict.v1"
    TOPIC: ClassVar[str] = "linegate.verdicts"

    image: Annotated[str, Field(min_length=1, max_length=128)]
    """Id of the photo's event."""
    decision: Outcome
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]
    model: ModelStamp | None = None
    """None only when no model was asked, as when no label was found."""
    timings: Timings
    trace: str | None = None
    """W3C trace id, 32 hex digits."""
    photo: RecordAt | None = None
    """Where the photo's record lies in its topic; as long as Kafka keeps it, it can be looked at there."""
    crop: RecordAt | None = None
    """Where the crop's record lies."""

    @model_validator(mode="after")
    def _decision_is_the_conjunction(self) -> Self:
        if self.decision != decide(self.checks):
            raise ValueError(f"decision {self.decision!r} is not the conjunction of the checks")
        names = [check.name for check in self.checks]
        if len(set(names)) != len(names):
            raise ValueError(f"a check appears twice: {names}")
        return self


class ShadowVerdict(Verdict):
    """What a shadow model would have said. Never gates."""

    TYPE: ClassVar[str] = "io.linegate.verdict.shadow.v1"
    TOPIC: ClassVar[str] = "linegate.verdicts.shadow"
