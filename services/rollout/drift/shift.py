"""How differently live values are distributed from held-out ones. Pure; the same in any order of the parts.

Both indices look at positions: each value's place in the distribution of the held-out ones, where these are spread
evenly. So the ten equal bins of the population stability index are the reference's deciles.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import ks_2samp

from services.rollout.drift.reference import Reference
from shared.trials.measures.evidence import Floats
from shared.trials.measures.kolmogorov import distance_chance
from shared.trials.measures.positions import position
from shared.trials.measures.stability import stability_chance, stability_index


@dataclass(frozen=True, slots=True)
class Shift:
    """What was measured.

    Attributes:
        psi: population stability index.
        psi_chance: probability of an index as large where nothing differs.
        ks: Kolmogorov-Smirnov distance.
        ks_chance: its p-value.
    """

    psi: float
    psi_chance: float
    ks: float
    ks_chance: float


def shift(live: Floats, reference: Reference, *, only_upwards: bool = False) -> Shift:
    """Compare (n,) live values, n > 0, with the reference.

    The chances count the held-out parts as the sample that they are: with 20 of them only large shifts are beyond
    chance. They take parts for independent, which neighbours on a line are not quite; the limits on the indices
    themselves are what keeps small lasting differences quiet.

    Args:
        live: values, in any order.
        reference: held-out ones.
        only_upwards: values that lie lower than the held-out ones are no shift.
    """
    places = position(live, reference.values)
    even = position(np.array(reference.values), reference.values)
    up = float(ks_2samp(places, even, alternative="less", method="asymp").statistic)
    down = float(ks_2samp(places, even, alternative="greater", method="asymp").statistic)
    sizes = (len(live), reference.parts)
    psi = 0.0 if only_upwards and down > up else stability_index(places, even)
    ks = up if only_upwards else max(up, down)
    return Shift(psi, stability_chance(psi, *sizes), ks, distance_chance(ks, *sizes))
