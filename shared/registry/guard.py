"""What the automatic judge holds a canary or a shadow to, beside the champion."""

from typing import Annotated, Literal

from pydantic import Field

from shared.events.base import Model

Share = Annotated[float, Field(gt=0, le=1)]


class Guard(Model):
    """Limits on a trial. A limit of None is not looked at."""

    action: Literal["rollback", "pause", "alert"] = "rollback"
    """What a breach does to a canary. `rollback` ends the trial, `pause` gives its parts to the champion until somebody
    decides, `alert` only tells. A shadow gates nothing: its breach is told, whatever stands here."""
    window_s: Annotated[float, Field(ge=10, le=7 * 86_400)] = 3600.0
    """Verdicts of so many latest seconds are compared."""
    min_parts: Annotated[int, Field(ge=10)] = 50
    """Nothing is decided on fewer parts of the trial, or of the champion, than these."""
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.99
    """A rate counts as beyond its limit when the one-sided confidence bound is: luck is no breach."""
    max_reject_rise: Share | None = 0.05
    """Of the trial's reject rate over the champion's, as a difference of shares."""
    max_disagreement: Share | None = 0.10
    """Share of parts seen by both on which trial and champion decide differently."""
    max_psi: Annotated[float, Field(gt=0)] | None = 0.5
    """Population stability index between the two models' score positions (each in its own held-out scores)."""
    max_ks: Share | None = 0.35
    """Kolmogorov-Smirnov distance between the same."""
    max_latency_ratio: Annotated[float, Field(gt=1)] | None = 3.0
    """99th percentile of the trial's own scoring time over the champion's."""
