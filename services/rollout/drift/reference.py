"""What live parts are compared with: the good parts that were held out when a version was calibrated."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.registry.records import VersionRecord


@dataclass(frozen=True, slots=True)
class Reference:
    """Held-out values of good parts.

    Attributes:
        values: ascending, or evenly spaced quantiles of them; two different ones at least.
        parts: how many parts they stand for. Few of them make every comparison unsure.
    """

    values: tuple[float, ...]
    parts: int


def passing_scores(record: VersionRecord | None) -> Reference | str:
    """The held-out scores below the version's own threshold, or why there are none.

    Live scores come from parts that passed, since among the others nobody knows damage from drift. The same cut is made
    here, so that it makes no difference by itself: where nothing drifts, passed parts are distributed like held-out
    parts that would have passed.
    """
    if record is None or record.calibration is None or not record.calibration.good_scores:
        return "the version has no held-out good scores to compare with"
    calibration = record.calibration
    scores = calibration.good_scores
    passing = tuple(score for score in scores if score < calibration.threshold)
    total = max(record.held_out_good, len(scores))
    return _reference(passing, round(total * len(passing) / len(scores)), "scores of good parts that would pass")


def good_distances(record: VersionRecord | None) -> Reference | str:
    """The held-out embedding distances, or why there are none."""
    if record is None or not record.good_distances:
        return "the version has no held-out distances to compare with"
    return _reference(record.good_distances, max(record.held_out_good, len(record.good_distances)), "distances")


def _reference(values: Sequence[float], parts: int, what: str) -> Reference | str:
    if len(set(values)) < 2:
        return f"the version has fewer than two different held-out {what}"
    return Reference(tuple(values), parts)
