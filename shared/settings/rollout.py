"""The section of the rollout worker: the automatic judge of trials."""

from typing import Annotated

from pydantic import Field

from shared.settings.sections import Seconds, Section


class RolloutSettings(Section):
    """The rollout worker, which judges versions on trial. The limits themselves stand in each assignment's guard."""

    look_s: Seconds = Field(2.0, description="Time between two looks at the trials, in seconds.")
    max_parts: Annotated[int, Field(ge=100, le=1_000_000)] = Field(
        10_000,
        description="Parts held in memory for each trial and each of its two versions, about 4 MB at the default. Of "
        "more within the window only the latest count.",
    )
    look_back_s: Seconds = Field(
        604_800.0,
        description="Where the topic of rollouts is empty, changes of so many latest seconds are told on it. Not "
        "longer than the topic keeps its events, or old changes are told again.",
    )
