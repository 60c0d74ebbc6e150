"""Does the trial reject more parts than the champion?"""

import numpy as np

from services.rollout.measures.evidence import Evidence
from services.rollout.measures.measure import Measure
from services.rollout.measures.proportions import paired_rise_at_least, rise_at_least
from shared.registry.guard import Guard


def reject_rise(evidence: Evidence, guard: Guard) -> Measure:
    """The trial's reject rate minus the champion's; its one-sided lower bound is held against the limit.

    On the same parts where there are enough of them, which leaves out what parts differ by; else on different ones.
    """
    limit, pairs = guard.max_reject_rise, evidence.pairs
    if limit is None:
        return Measure("reject_rise", None, told="not looked at")
    if pairs >= guard.min_parts:
        only_trial = int(np.sum(evidence.paired_trial & ~evidence.paired_champion))
        only_champion = int(np.sum(evidence.paired_champion & ~evidence.paired_trial))
        value = (only_trial - only_champion) / pairs
        held = paired_rise_at_least(only_trial, only_champion, pairs, guard.confidence)
        told = (
            f"{only_trial} rejected by the trial alone, {only_champion} by the champion alone, of {pairs} seen by both"
        )
        return Measure("reject_rise", limit, value, held, held > limit, pairs, pairs, f"{told} (Tango's bound)")
    trial, champion = evidence.trial, evidence.champion
    few = too_few(trial.parts, champion.parts, guard.min_parts)
    if few is not None:
        return Measure("reject_rise", limit, trial_parts=trial.parts, champion_parts=champion.parts, told=few)
    rejected = int(np.sum(trial.fails)), int(np.sum(champion.fails))
    held = rise_at_least((rejected[0], trial.parts), (rejected[1], champion.parts), guard.confidence)
    value = rejected[0] / trial.parts - rejected[1] / champion.parts
    told = f"{rejected[0]} of {trial.parts} rejected, {rejected[1]} of {champion.parts} by the champion"
    return Measure(
        "reject_rise", limit, value, held, held > limit, trial.parts, champion.parts, f"{told} (Newcombe's bound)"
    )


def too_few(trial: int, champion: int, needed: int) -> str | None:
    """Why nothing is decided on so many parts; None where they are enough."""
    if trial >= needed and champion >= needed:
        return None
    return f"{trial} parts of the trial and {champion} of the champion; {needed} of each are needed"
