"""One measure's answer."""

from dataclasses import dataclass
from typing import Literal

MeasureName = Literal["reject_rise", "disagreement", "psi", "ks", "latency_ratio"]


@dataclass(frozen=True, slots=True)
class Measure:
    """What was measured, and whether it is beyond its limit.

    Attributes:
        name: of the measure.
        limit: of the guard; None where the guard does not look at it.
        value: as measured; None where nothing was.
        held: what is held against the limit: a lower confidence bound where there is one, else `value`.
        breach: whether it is beyond the limit, and not by luck at the guard's confidence.
        trial_parts: parts of the trial that it stands on.
        champion_parts: likewise of the champion.
        told: how it was decided, or why it was not. Part of a line.
    """

    name: MeasureName
    limit: float | None
    value: float | None = None
    held: float | None = None
    breach: bool = False
    trial_parts: int = 0
    champion_parts: int = 0
    told: str = ""

    @property
    def decided(self) -> bool:
        """Whether there were parts enough."""
        return self.held is not None
