"""The section of the drift monitor, which is part of the rollout worker (docs/drift.md says how the defaults do)."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from shared.settings.sections import Section

Share = Annotated[float, Field(gt=0, le=1)]


class DriftSettings(Section):
    """The drift monitor: do live parts still look to the champion like those it was calibrated on?"""

    window_parts: Annotated[int, Field(ge=20, le=100_000)] = Field(
        300,
        description="The latest parts that are compared, of each champion and each camera. More see smaller changes, "
        "and see them later.",
    )
    min_parts: Annotated[int, Field(ge=10)] = Field(100, description="Nothing is decided on fewer parts than these.")
    window_s: Annotated[float, Field(ge=60, le=604_800)] = Field(
        14_400.0,
        description="Parts older than this do not count, in seconds. At its start the worker reads the verdicts of so "
        "long a time.",
    )
    max_psi: Annotated[float, Field(gt=0)] = Field(
        0.25,
        description="Largest population stability index between live parts and held-out good ones. Above 0.25 is what "
        "credit scoring, where it comes from, calls a significant shift.",
    )
    max_ks: Share = Field(0.2, description="Largest Kolmogorov-Smirnov distance between the same.")
    confidence: Annotated[float, Field(ge=0.9, lt=1)] = Field(
        0.9999,
        description="A limit counts as broken only when chance alone would do that less often than one in "
        "1 / (1 - confidence) windows.",
    )
    max_reject_share: Share = Field(
        0.5,
        description="Share of rejected parts from which a window counts as drifting whatever the passed ones look "
        "like: with most parts rejected, few are left to compare.",
    )
    clear_share: Share = Field(0.7, description="A drift is over when all values lie below this share of their limits.")

    @model_validator(mode="after")
    def _can_decide(self) -> Self:
        if self.min_parts > self.window_parts:
            raise ValueError(f"min_parts is {self.min_parts}, more than the window_parts {self.window_parts}")
        return self
