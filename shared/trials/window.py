"""The latest opinions of both versions of a trial, in bounded memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from shared.events import Verdict
from shared.trials.measures.evidence import Evidence, Sample
from shared.trials.trial import Trial

_SLACK: Final = 1.25
"""How far a window may outgrow its bound before it is cut: cutting looks at all of it."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one version thought of one part."""

    at: datetime
    fails: bool
    score: float | None
    model_ms: float | None


class Window:
    """The opinions of a trial's two versions.

    A version's opinion on a part counts alike whether it gated the part or only looked on: the version is the same, and
    the parts of either are the same stream (a canary's are a hash's choice of them).

    Args:
        trial: whose opinions are kept; others are passed over.
        max_parts: most opinions kept of each version; beyond that the oldest go.
    """

    def __init__(self, trial: Trial, max_parts: int) -> None:
        self._trial = trial
        self._max_parts = max_parts
        self._opinions: dict[str, dict[str, Opinion]] = {trial.version: {}, trial.champion: {}}
        self._stood_in = 0

    @property
    def stood_in(self) -> int:
        """Verdicts seen in which another version stood in for one of these: they count for nobody."""
        return self._stood_in

    @property
    def full(self) -> bool:
        """Whether the window was cut short by `max_parts`."""
        return any(len(held) >= self._max_parts for held in self._opinions.values())

    def saw(self, verdict: Verdict) -> bool:
        """Take a verdict; whether it counts here."""
        stamp, trial = verdict.model, self._trial
        if stamp is None or stamp.assignment != trial.key:
            return False
        if trial.since is not None and verdict.time < trial.since:
            return False
        if stamp.fallback is not None:
            self._stood_in += stamp.fallback.assigned in self._opinions
            return False
        held = self._opinions.get(stamp.version)
        if held is None:
            return False
        score = next((check.score for check in verdict.checks if check.name == "damage"), None)
        held.pop(verdict.image, None)
        held[verdict.image] = Opinion(verdict.time, verdict.decision == "fail", score, verdict.timings.model)
        if len(held) > self._max_parts * _SLACK:
            self._opinions[stamp.version] = _latest(held, self._max_parts)
        return True

    def forget(self, before: datetime) -> None:
        """Let go of opinions from before this time."""
        for version, held in self._opinions.items():
            kept = {image: opinion for image, opinion in held.items() if opinion.at >= before}
            self._opinions[version] = _latest(kept, self._max_parts)

    def evidence(self) -> Evidence:
        """All that is held, as arrays."""
        trial, champion = self._opinions[self._trial.version], self._opinions[self._trial.champion]
        both = [image for image in trial if image in champion]
        return Evidence(
            trial=_sample(trial.values()),
            champion=_sample(champion.values()),
            paired_trial=np.array([trial[image].fails for image in both], np.bool_),
            paired_champion=np.array([champion[image].fails for image in both], np.bool_),
        )


def _latest(held: dict[str, Opinion], count: int) -> dict[str, Opinion]:
    """The `count` latest ones. By their time: at the start one partition is read after the other."""
    if len(held) <= count:
        return held
    return dict(sorted(held.items(), key=lambda entry: entry[1].at)[-count:])


def _sample(opinions: Iterable[Opinion]) -> Sample:
    held = list(opinions)
    return Sample(
        fails=np.array([opinion.fails for opinion in held], np.bool_),
        scores=np.array([opinion.score for opinion in held if opinion.score is not None], np.float64),
        model_ms=np.array([opinion.model_ms for opinion in held if opinion.model_ms is not None], np.float64),
    )
