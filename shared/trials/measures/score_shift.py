"""Do trial and champion see the parts alike, each on its own scale?"""

from collections.abc import Callable

from shared.registry.guard import Guard
from shared.trials.measures.evidence import Evidence, Floats
from shared.trials.measures.kolmogorov import distance_chance, largest_distance
from shared.trials.measures.measure import Measure, MeasureName
from shared.trials.measures.positions import Positions
from shared.trials.measures.reject_rise import too_few
from shared.trials.measures.stability import stability_chance, stability_index

Both = tuple[Positions, Positions] | str
"""Positions of trial and champion, or why there are none."""


def psi(evidence: Evidence, both: Both, guard: Guard) -> Measure:
    """Population stability index: beyond the limit, and larger than chance makes it."""
    return _shift("psi", evidence, both, guard, limit=guard.max_psi, test=(stability_index, stability_chance))


def ks(evidence: Evidence, both: Both, guard: Guard) -> Measure:
    """Kolmogorov-Smirnov distance: beyond the limit, and larger than chance makes it."""
    return _shift("ks", evidence, both, guard, limit=guard.max_ks, test=(largest_distance, distance_chance))


def _shift(
    name: MeasureName,
    evidence: Evidence,
    both: Both,
    guard: Guard,
    *,
    limit: float | None,
    test: tuple[Callable[[Floats, Floats], float], Callable[..., float]],
) -> Measure:
    if limit is None:
        return Measure(name, None, told="not looked at")
    parts = len(evidence.trial.scores), len(evidence.champion.scores)
    if isinstance(both, str):
        return Measure(name, limit, trial_parts=parts[0], champion_parts=parts[1], told=f"skipped: {both}")
    few = too_few(*parts, guard.min_parts)
    if few is not None:
        return Measure(name, limit, trial_parts=parts[0], champion_parts=parts[1], told=few)
    distance, chance = test
    trial, champion = both
    value = distance(trial.values, champion.values)
    luck = chance(value, *parts, trial.reference_parts, champion.reference_parts)
    breach = value > limit and luck < 1 - guard.confidence
    told = f"chance of it {luck:.2g}, most {1 - guard.confidence:.2g}; {parts[0]} scores beside {parts[1]}"
    return Measure(name, limit, value, value, breach, *parts, told)
