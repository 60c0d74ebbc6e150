"""Scores of different models made comparable: where each lies among the good parts its version was calibrated on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.registry.records import VersionRecord
from shared.trials.measures.evidence import Floats


@dataclass(frozen=True, slots=True)
class Positions:
    """Where live scores lie among a version's held-out good scores.

    Attributes:
        values: (k,) float64 in [0, 1].
        reference_parts: held-out good parts that the positions are told by; few of them make every position unsure.
    """

    values: Floats
    reference_parts: int


def positions(scores: Floats, record: VersionRecord | None) -> Positions | str:
    """The positions of a version's live scores, or why there are none."""
    good = () if record is None or record.calibration is None else record.calibration.good_scores
    if record is None or len(set(good)) < 2:
        name = "it" if record is None else record.version
        return f"{name} has no held-out good scores to compare with"
    return Positions(position(scores, good), max(record.held_out_good, len(good)))


def position(scores: Floats, good_scores: Sequence[float]) -> Floats:
    """The probability integral transform: each score's place in the empirical distribution of good scores.

    PatchCore and PaDiM score on scales of their own; positions of good parts are spread evenly over [0, 1] with either.
    Beyond the largest good score all are 1: how far beyond does not count.

    Args:
        scores: (k,) raw live scores.
        good_scores: held-out good scores, or evenly spaced quantiles of them, ascending; two different ones at least.

    Returns:
        (k,) float64, interpolated between the quantiles.
    """
    values, place = np.unique(np.asarray(good_scores, np.float64), return_inverse=True)
    levels = np.linspace(0.0, 1.0, len(good_scores))
    # Equal quantiles share the middle of their levels.
    middle = np.bincount(place, weights=levels) / np.bincount(place)
    told = np.interp(scores, values, middle, left=0.0, right=1.0)
    return np.clip(told, 0.0, 1.0)  # between scores that hardly differ, rounding may lead out of it
