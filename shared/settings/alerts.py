"""The section of the alert worker (docs/alerts.md)."""

from typing import Annotated

from pydantic import Field

from shared.settings.sections import Seconds, Section


class AlertsSettings(Section):
    """The alert worker: which verdicts and faults supervisors are told of."""

    lateness_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        10.0,
        description="How long a photo may take from its shutter to Kafka, in seconds. Conditions that need parts in "
        "order, or all of a window, are decided so much later.",
    )
    look_s: Seconds = Field(1.0, description="Time between two looks at what is open and what is missing, in seconds.")
    oldest_s: Annotated[float, Field(gt=0, le=86_400)] = Field(
        86_400.0,
        description="Parts that are older when they are seen fire nothing, in seconds. A day at most: for two days is "
        "remembered what was counted.",
    )
    crop_group: str = Field("crop", description="The crop workers' consumer group, to see whether photos wait.")
    score_group: str = Field("score", description="The score workers' consumer group, likewise.")
    forget_places_d: Annotated[float, Field(gt=0)] = Field(
        7.0, description="A place that sent nothing for so many days is taken for given up, and no longer missed."
    )
    keep_closed_d: Annotated[float, Field(gt=0)] = Field(
        30.0, description="Resolved alerts are kept in Redis for so many days; their steps stay on the topic."
    )
    look_back_s: Annotated[float, Field(gt=0)] = Field(
        604_800.0,
        description="At its start the worker reads the alerts of so many latest seconds back, to know what was told. "
        "Not longer than the topic keeps them, nor shorter than the worker may be away.",
    )
