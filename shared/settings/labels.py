"""Settings of what becomes of feedback."""

from typing import Annotated

from pydantic import Field

from shared.settings.sections import Section


class LabelsSettings(Section):
    """The labels worker: feedback meets its verdict (docs/feedback.md)."""

    read_back_h: Annotated[float, Field(gt=0)] = Field(
        168.0,
        description="Feedback without its verdict is joined with verdicts of so many latest hours, which are read at "
        "the start. No longer than Kafka keeps them.",
    )
    verdicts: int = Field(
        200_000,
        ge=1,
        description="Most verdicts kept in memory for that, some 0.5 KiB each; the oldest go first.",
    )
