"""What a supervisor wants to be told of. Windows are by event time: when the shutter opened."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from shared.events import ConditionKind, FaultKind
from shared.events.base import Model

Minutes = Annotated[float, Field(gt=0, le=1440)]
"""A window: a day at most, since that is what is kept."""
Count = Annotated[int, Field(ge=1, le=10_000)]


class EachFail(Model):
    """Every failed part. Those of one group join one alert while it is open."""

    kind: Literal["each_fail"] = "each_fail"


class FailsInWindow(Model):
    """`fails` or more failed parts within any `minutes`."""

    kind: Literal["fails_in_window"] = "fails_in_window"
    fails: Count = 3
    minutes: Minutes = 10


class FailRate(Model):
    """More parts fail within the latest `minutes` than chance explains, against what is usual."""

    kind: Literal["fail_rate"] = "fail_rate"
    minutes: Minutes = 60
    parts: Annotated[int, Field(ge=5, le=100_000)] = 30
    """Fewer parts in the window say nothing."""
    baseline: Annotated[float, Field(ge=0, lt=1)] | None = None
    """The usual fail rate; None: that of the `baseline_hours` before the window."""
    baseline_hours: Annotated[float, Field(gt=0, le=168)] = 24
    factor: Annotated[float, Field(ge=1, le=100)] = 2
    """How many times the usual rate is worth a message; it must be beyond chance as well."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.99
    """Of the one-sided binomial test that the rate is above the usual one, over a window's length of looks."""

    @model_validator(mode="after")
    def _the_past_is_longer(self) -> "FailRate":
        if self.baseline is None and self.baseline_hours * 60 <= self.minutes:
            raise ValueError("baseline_hours must be longer than the window of `minutes`, or set `baseline`")
        return self


class SameRegion(Model):
    """Parts one after the other are damaged at the same place: a tool is damaging them."""

    kind: Literal["same_region"] = "same_region"
    parts: Annotated[int, Field(ge=2, le=100)] = 3
    """So many failed parts in a row."""
    radius: Annotated[float, Field(gt=0, le=1)] = 0.1
    """How far from each other the worst places may lie, as a share of the crop's width and height."""
    passes_between: Annotated[int, Field(ge=0, le=100)] = 0
    """So many good parts between two of them do not end the row."""


class NoPhotos(Model):
    """No photo came for so long, and none waits to be judged: the camera is down, or the line stands."""

    kind: Literal["no_photos"] = "no_photos"
    minutes: Minutes = 10


class NoVerdicts(Model):
    """No verdict came for so long, whatever the reason."""

    kind: Literal["no_verdicts"] = "no_verdicts"
    minutes: Minutes = 10


class DeadLetters(Model):
    """So many photos within `minutes` could not be judged."""

    kind: Literal["dead_letters"] = "dead_letters"
    letters: Count = 5
    minutes: Minutes = 10


class FaultRaised(Model):
    """Something of Linegate's own is amiss: drift, the judge of rollouts, a store away. Over when the fault is over."""

    kind: Literal["fault"] = "fault"
    kinds: Annotated[tuple[FaultKind, ...], Field(max_length=32)] = ()
    """Which; none named means any."""

    DRIFT: ClassVar[tuple[FaultKind, ...]] = ("score_drift", "embedding_drift")


Condition = Annotated[
    EachFail | FailsInWindow | FailRate | SameRegion | NoPhotos | NoVerdicts | DeadLetters | FaultRaised,
    Field(discriminator="kind"),
]
CONDITIONS: dict[ConditionKind, type[Model]] = {
    "each_fail": EachFail,
    "fails_in_window": FailsInWindow,
    "fail_rate": FailRate,
    "same_region": SameRegion,
    "no_photos": NoPhotos,
    "no_verdicts": NoVerdicts,
    "dead_letters": DeadLetters,
    "fault": FaultRaised,
}
