"""Does the trial reject more parts than the champion?"""

import numpy as np

from shared.registry.guard import Guard
from shared.trials.measures.evidence import Evidence
from shared.trials.measures.measure import Measure
from shared.trials.measures.proportions import paired_rise_at_least, rise_at_least


def reject_rise(evidence: Evidence, guard: Guard) -> Measure:
    """The trial's reject rate minus the champion's; its one-sided lower bound is held against the limit.

    On the same parts where there are enough of them, which leaves out what parts differ by; else on different ones.
    """
    if guard.max_reject_rise is None:
        return Measure("reject_rise", None, told="not looked at")
    if evidence.pairs >= guard.min_parts:
        return _on_the_same(evidence, guard.max_reject_rise, guard.confidence)
    parts = evidence.trial.parts, evidence.champion.parts
    few = too_few(*parts, guard.min_parts)
    if few is not None:
        return Measure("reject_rise", guard.max_reject_rise, trial_parts=parts[0], champion_parts=parts[1], told=few)
    return _on_different_ones(evidence, guard.max_reject_rise, guard.confidence)


def _on_the_same(evidence: Evidence, limit: float, confidence: float) -> Measure:
    trial, champion, pairs = evidence.paired_trial, evidence.paired_champion, evidence.pairs
    alone = int(np.sum(trial & ~champion)), int(np.sum(champion & ~trial))
    held = paired_rise_at_least(*alone, pairs, confidence)
    told = (
        f"{alone[0]} rejected by the trial alone, {alone[1]} by the champion alone, of {pairs} seen by both (Tango's "
        f"bound at {confidence:.5g})"
    )
    return Measure("reject_rise", limit, (alone[0] - alone[1]) / pairs, held, held > limit, pairs, pairs, told)


def _on_different_ones(evidence: Evidence, limit: float, confidence: float) -> Measure:
    parts = evidence.trial.parts, evidence.champion.parts
    rejected = int(np.sum(evidence.trial.fails)), int(np.sum(evidence.champion.fails))
    held = rise_at_least((rejected[0], parts[0]), (rejected[1], parts[1]), confidence)
    told = (
        f"{rejected[0]} of {parts[0]} rejected, {rejected[1]} of {parts[1]} by the champion (Newcombe's bound at "
        f"{confidence:.5g})"
    )
    return Measure(
        "reject_rise", limit, rejected[0] / parts[0] - rejected[1] / parts[1], held, held > limit, *parts, told
    )


def too_few(trial: int, champion: int, needed: int) -> str | None:
    """Why nothing is decided on so many parts; None where they are enough."""
    if trial >= needed and champion >= needed:
        return None
    return f"{trial} parts of the trial and {champion} of the champion; {needed} of each are needed"
