"""All measures of a trial at one moment."""

from shared.registry.guard import Guard
from shared.registry.records import VersionRecord
from shared.trials.measures.disagreement import disagreement
from shared.trials.measures.evidence import Evidence
from shared.trials.measures.latency import latency_ratio
from shared.trials.measures.measure import Measure
from shared.trials.measures.peeking import surer
from shared.trials.measures.positions import Positions, positions
from shared.trials.measures.reject_rise import reject_rise
from shared.trials.measures.score_shift import Both, ks, psi


def compare(
    evidence: Evidence, guard: Guard, *, trial: VersionRecord | None, champion: VersionRecord | None
) -> tuple[Measure, ...]:
    """Every measure, also those that are not decided.

    Args:
        evidence: of the window.
        guard: the limits; the confidence is that of a look at the fewest parts (`peeking.surer`).
        trial: the version on trial, for its held-out scores.
        champion: likewise.
    """
    both = _both(evidence, trial, champion)
    guard = surer(guard, evidence.trial.parts)
    return (
        reject_rise(evidence, guard),
        disagreement(evidence, guard),
        psi(evidence, both, guard),
        ks(evidence, both, guard),
        latency_ratio(evidence, guard),
    )


def _both(evidence: Evidence, trial: VersionRecord | None, champion: VersionRecord | None) -> Both:
    mine, others = positions(evidence.trial.scores, trial), positions(evidence.champion.scores, champion)
    if isinstance(mine, Positions) and isinstance(others, Positions):
        return mine, others
    return "; ".join(answer for answer in (mine, others) if isinstance(answer, str))
