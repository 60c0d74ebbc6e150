"""What a window holds of both versions, as arrays: all that the measures look at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """One version's opinions.

    Attributes:
        fails: (n,) bool, whether it rejected each part.
        scores: (k,) float64, raw scores; k <= n: an opinion may have none.
        model_ms: (l,) float64, its own time for each part in milliseconds, where that is known.
    """

    fails: Bools
    scores: Floats
    model_ms: Floats

    @property
    def parts(self) -> int:
        """How many parts it has an opinion on."""
        return len(self.fails)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Both versions' opinions of one window.

    Attributes:
        trial: of the version on trial.
        champion: of the champion.
        paired_trial: (p,) bool, whether the trial rejected each part that both have an opinion on.
        paired_champion: (p,) bool, the champion likewise, in the same order.
    """

    trial: Sample
    champion: Sample
    paired_trial: Bools
    paired_champion: Bools

    @property
    def pairs(self) -> int:
        """Parts that both have an opinion on."""
        return len(self.paired_trial)
