"""Evidence for tests of the measures."""

import numpy as np
from numpy.typing import NDArray

from shared.models.card import Calibration
from shared.registry.records import VersionRecord
from shared.trials.measures.evidence import Evidence, Sample

NONE = np.zeros(0)


def sample(
    fails: NDArray[np.bool_], scores: NDArray[np.float64] = NONE, model_ms: NDArray[np.float64] = NONE
) -> Sample:
    """One version's."""
    return Sample(fails=fails, scores=scores, model_ms=model_ms)


def evidence(trial: Sample, champion: Sample, *, paired: bool = False) -> Evidence:
    """Of both; `paired` says that their parts are the same, in the same order."""
    count = trial.parts if paired else 0
    return Evidence(trial, champion, trial.fails[:count], champion.fails[:count])


def record(version: str, good_scores: NDArray[np.float64] | None) -> VersionRecord:
    """A version with its held-out good scores."""
    calibration = None
    if good_scores is not None:
        kept = np.sort(good_scores) if len(good_scores) <= 101 else np.quantile(good_scores, np.linspace(0, 1, 101))
        calibration = Calibration(
            rule="quantile", threshold=3.0, good_parts=len(good_scores), damaged_parts=0,
            good_scores=tuple(map(float, kept)),
        )  # fmt: skip
    return VersionRecord(version=version, digest="a" * 64, kind="padim", calibration=calibration)
