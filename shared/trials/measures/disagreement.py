"""On how many parts do trial and champion decide differently?"""

import numpy as np

from shared.registry.guard import Guard
from shared.trials.measures.evidence import Evidence
from shared.trials.measures.measure import Measure
from shared.trials.measures.proportions import share_at_least


def disagreement(evidence: Evidence, guard: Guard) -> Measure:
    """Share of the parts seen by both on which they differ; Clopper-Pearson's lower bound is held against the limit.

    It finds what `reject_rise` cannot: a trial that rejects as many parts, but others.
    """
    limit, pairs = guard.max_disagreement, evidence.pairs
    if limit is None:
        return Measure("disagreement", None, told="not looked at")
    if pairs < guard.min_parts:
        told = f"{pairs} parts were seen by both; {guard.min_parts} are needed"
        return Measure("disagreement", limit, trial_parts=pairs, champion_parts=pairs, told=told)
    differ = int(np.sum(evidence.paired_trial != evidence.paired_champion))
    held = share_at_least(differ, pairs, guard.confidence)
    told = f"{differ} of {pairs} seen by both decided differently (Clopper-Pearson's bound at {guard.confidence:.5g})"
    return Measure("disagreement", limit, differ / pairs, held, held > limit, pairs, pairs, told)
