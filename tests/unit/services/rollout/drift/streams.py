"""Verdicts of a champion whose good parts score and look as said."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np

from services.rollout.drift.window import Watched
from shared.events import Verdict
from shared.models.card import Calibration
from shared.models.quantiles import kept
from shared.registry.records import Assignment, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot
from tests.unit.shared.trials.opinions import NOW, opinion

KEY = "munich/*/*/*/*"
THRESHOLD = 3.0
WATCHED = Watched(KEY, "v1", "munich", "line-1", "any", "stationary")


def normal(count: int, seed: int, *, at: float = 0.0) -> list[float]:
    """Scores of good parts: standard normal, moved by `at`."""
    return [float(value) for value in np.random.default_rng(seed).normal(at, 1, count)]


def near(count: int, seed: int, *, at: float = 1.0) -> list[float]:
    """Embedding distances of good parts, moved to `at`."""
    return [float(abs(value)) for value in np.random.default_rng(seed).normal(at, 0.2, count)]


def record(version: str = "v1", *, held_out: int = 200, distances: bool = True) -> VersionRecord:
    """A version that was calibrated on parts like these."""
    calibration = Calibration(
        rule="manual",
        threshold=THRESHOLD,
        good_parts=held_out,
        damaged_parts=0,
        good_scores=kept(normal(held_out, 1000)),
    )
    good = kept(near(held_out, 1001)) if distances else ()
    return VersionRecord(version=version, digest="a" * 64, kind="padim", calibration=calibration, good_distances=good)


def snapshot(champion: str = "v1", *versions: VersionRecord) -> Snapshot:
    """A registry in which `champion` judges at KEY."""
    known = versions or (record(),)
    held = HeldAssignment(revision=3, record=Assignment(champion=champion))
    return Snapshot(assignments={KEY: held}, versions={one.version: one for one in known})


def verdicts(
    scores: Iterable[float],
    distances: Iterable[float | None],
    *,
    start: datetime = NOW,
    version: str = "v1",
    name: str = "p",
    key: str = KEY,
    every_s: float = 1.0,
    **more: object,
) -> list[Verdict]:
    """One verdict every so many seconds, failing where the score reaches the threshold."""
    made = []
    for i, (score, distance) in enumerate(zip(scores, distances, strict=True)):
        at = start + timedelta(seconds=i * every_s)
        verdict = opinion(
            f"{name}-{i}", version, "champion", key=key, at=at, score=score, fails=score >= THRESHOLD, **more
        )
        assert verdict.model is not None
        made.append(verdict.model_copy(update={"model": verdict.model.model_copy(update={"embedding": distance})}))
    return made
