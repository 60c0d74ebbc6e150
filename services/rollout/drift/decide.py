"""From a window to a decision: does it drift? With hysteresis, so that a value at its limit raises one fault."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from services.rollout.drift.reference import Reference, good_distances, passing_scores
from services.rollout.drift.shift import Shift, shift
from services.rollout.drift.window import Parts, Watched
from shared.registry.records import VersionRecord
from shared.settings.drift import DriftSettings
from shared.trials.measures.evidence import Floats
from shared.trials.measures.proportions import share_at_least

SignalName = Literal["score", "embedding"]
STILL: Final = 0.05
"""A drift is over, too, when what is left of it is seen by chance in more windows than this share. Beside few held-out
parts chance alone keeps the indices above any sensible limit: such a drift would never end."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of value of a window.

    Attributes:
        name: what it is.
        values: (n,) float64 live values that are compared.
        reference: what they are compared with, or why there is nothing.
        shift: how they differ; None where that cannot be said, or of too few parts.
        beyond: whether a limit is broken.
    """

    name: SignalName
    values: Floats
    reference: Reference | str
    shift: Shift | None
    beyond: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What a window looks like.

    Attributes:
        watched: whose it is.
        parts: how many it holds.
        rejected: share of them that were rejected; 0 of none.
        mostly_rejected: whether so many were that the passed ones prove nothing.
        score: of passed parts.
        embedding: of all parts.
        drifting: the signals that drift.
    """

    watched: Watched
    parts: int
    rejected: float
    mostly_rejected: bool
    score: Signal
    embedding: Signal
    drifting: frozenset[SignalName]


def find(
    watched: Watched,
    parts: Parts,
    record: VersionRecord | None,
    limits: DriftSettings,
    before: frozenset[SignalName] = frozenset(),
) -> Finding:
    """Decide about a window.

    Args:
        watched: whose it is.
        parts: of the window.
        record: of the version.
        limits: see `DriftSettings`.
        before: signals that drifted when the window was last looked at. What cannot be decided now stays as it was.
    """
    count, rejected = len(parts.passed), int(np.sum(~parts.passed))
    share = rejected / count if count else 0.0
    enough = count >= limits.min_parts
    held = share if "score" in before else share_at_least(rejected, count, limits.confidence) if enough else 0.0
    mostly = enough and held > limits.max_reject_share * (limits.clear_share if "score" in before else 1.0)
    score = _signal("score", parts.scores, passing_scores(record), limits, already="score" in before)
    embedding = _signal("embedding", parts.distances, good_distances(record), limits, already="embedding" in before)
    drifting: set[SignalName] = {
        signal.name
        for signal in (score, embedding)
        if signal.beyond or (signal.name in before and signal.shift is None and not isinstance(signal.reference, str))
    }
    if mostly:
        drifting.add("score")
    return Finding(watched, count, share, mostly, score, embedding, frozenset(drifting))


def _signal(
    name: SignalName, values: Floats, reference: Reference | str, limits: DriftSettings, *, already: bool
) -> Signal:
    if isinstance(reference, str) or len(values) < limits.min_parts:
        return Signal(name, values, reference, None, beyond=False)
    found = shift(values, reference, only_upwards=name == "embedding")
    return Signal(name, values, reference, found, _beyond(found, limits, already=already))


def _beyond(found: Shift, limits: DriftSettings, *, already: bool) -> bool:
    share, luck = (limits.clear_share, STILL) if already else (1.0, 1 - limits.confidence)
    return (found.psi > limits.max_psi * share and found.psi_chance < luck) or (
        found.ks > limits.max_ks * share and found.ks_chance < luck
    )
