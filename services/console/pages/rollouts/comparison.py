"""A version on trial beside its champion, as numbers to draw. Pure."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.registry.snapshot import Snapshot
from shared.trials.measures.evidence import Evidence, Floats, Sample
from shared.trials.measures.measure import Measure
from shared.trials.measures.proportions import share_at_least
from shared.trials.trial import Standing

CONFIDENCE: Final = 0.95
"""Of the two-sided intervals of reject rates."""
BINS: Final = 24
MOST_RATIO: Final = 2.0
"""Scores beyond so many times the threshold share the last bin: how far beyond does not count."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A reject rate with Clopper and Pearson's exact interval (Biometrika 26, 1934), as shares."""

    rejected: int
    parts: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Times:
    """A version's own time for a part, in milliseconds."""

    parts: int
    median: float
    p99: float


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two versions.

    Attributes:
        version: its name.
        parts: parts that it has an opinion on.
        rate: rejected ones; None without parts.
        times: None where none are known.
        bins: shares of its scores in `BINS` equal bins of score over threshold, from 0 to `MOST_RATIO`; empty where
            there are no scores or the version's threshold is not known or not positive.
    """

    version: str
    parts: int
    rate: Rate | None
    times: Times | None
    bins: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both decided on the parts that both have an opinion on, as counts."""

    both_pass: int
    both_fail: int
    only_trial: int
    only_champion: int

    @property
    def parts(self) -> int:
        """Seen by both."""
        return self.both_pass + self.both_fail + self.only_trial + self.only_champion

    @property
    def share(self) -> float | None:
        """Decided alike; None without parts."""
        return (self.both_pass + self.both_fail) / self.parts if self.parts else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A trial as it is seen now."""

    standing: Standing
    trial: Side
    champion: Side
    agreement: Agreement
    measures: tuple[Measure, ...]
    stood_in: int
    """Verdicts that count for nobody, since another version stood in."""


def comparison(
    standing: Standing, evidence: Evidence, measures: tuple[Measure, ...], snapshot: Snapshot, *, stood_in: int
) -> Comparison:
    """A trial as it is seen now.

    Args:
        standing: the trial.
        evidence: of its window.
        measures: of the same.
        snapshot: for the versions' thresholds.
        stood_in: verdicts in which another version stood in.
    """
    mine, others = evidence.paired_trial, evidence.paired_champion
    return Comparison(
        standing=standing,
        trial=_side(standing.trial.version, evidence.trial, snapshot),
        champion=_side(standing.trial.champion, evidence.champion, snapshot),
        agreement=Agreement(
            both_pass=int(np.sum(~mine & ~others)),
            both_fail=int(np.sum(mine & others)),
            only_trial=int(np.sum(mine & ~others)),
            only_champion=int(np.sum(~mine & others)),
        ),
        measures=measures,
        stood_in=stood_in,
    )


def rate(rejected: int, parts: int) -> Rate:
    """A reject rate with its interval; of at least one part."""
    one_sided = (1 + CONFIDENCE) / 2
    return Rate(
        rejected=rejected,
        parts=parts,
        value=rejected / parts,
        low=share_at_least(rejected, parts, one_sided),
        high=1.0 - share_at_least(parts - rejected, parts, one_sided),
    )


def _side(version: str, sample: Sample, snapshot: Snapshot) -> Side:
    record = snapshot.version(version)
    threshold = None if record is None or record.calibration is None else record.calibration.threshold
    times = sample.model_ms
    return Side(
        version=version,
        parts=sample.parts,
        rate=rate(int(np.sum(sample.fails)), sample.parts) if sample.parts else None,
        times=Times(len(times), float(np.median(times)), float(np.quantile(times, 0.99, method="higher")))
        if len(times)
        else None,
        bins=_bins(sample.scores, threshold),
    )


def _bins(scores: Floats, threshold: float | None) -> tuple[float, ...]:
    """Models score on scales of their own: over its threshold, 1 is for each where a part is rejected."""
    if threshold is None or threshold <= 0 or not len(scores):
        return ()
    # A score just at the threshold is rejected: the bin that begins at 1 counts it.
    ratios = np.clip(scores / threshold, 0.0, np.nextafter(MOST_RATIO, 0.0))
    counts, _ = np.histogram(ratios, BINS, (0.0, MOST_RATIO))
    return tuple(float(count) / len(scores) for count in counts)
