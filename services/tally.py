"""The count of what went in against what came out: exactly one verdict per photo, or a number that says otherwise.

Pure: no clock, no Kafka. The caller says when things happened, in seconds of one clock of its choice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from shared.events import Outcome, Verdict

Label = Literal["good", "bad"]


@dataclass(frozen=True, slots=True)
class Sent:
    """When a photo was sent, and its true label where that is known."""

    at: float
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well one model version told labelled photos apart by its raw damage scores."""

    version: str
    auroc: float | None
    """Damaged is the positive class; None without labels of both kinds."""
    good: int
    bad: int
    """Labelled photos that entered it. A photo in which no part was found has no score."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a run. A run is `complete` when every photo got exactly one answer."""

    photos: int
    """Photos handed to Kafka."""
    refused: int
    """Photos that could not be sent, as a rule because Kafka did not accept them; no answer can be expected."""
    verdicts: int
    """Photos with at least one verdict."""
    dead_letters: int
    """Photos set aside with a reason instead of a verdict."""
    missing: int
    """Photos with no answer at all."""
    duplicates: int
    """Answers beyond the first of each photo; a dead letter beside a verdict counts."""
    passed: int
    failed: int
    p50: float | None
    """Median seconds from sending to verdict."""
    p99: float | None
    rankings: tuple[Ranking, ...]
    """One per model version that judged labelled photos: raw scores of different models share no scale."""

    @property
    def complete(self) -> bool:
        """Whether every photo was accepted and answered exactly once."""
        return self.missing == self.duplicates == self.refused == 0


@dataclass(slots=True)
class Tally:
    """Keeps one run's account. Not safe for concurrent use: the caller holds a lock or uses one thread.

    Call `sent` before the photo is handed to Kafka, because a verdict can outrun the broker's acknowledgement.
    """

    _sent: dict[str, Sent] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)
    _verdicts: dict[str, tuple[Verdict, float]] = field(default_factory=dict)
    _dead: dict[str, str] = field(default_factory=dict)
    _answers: dict[str, int] = field(default_factory=dict)

    def sent(self, image: str, *, at: float, label: Label | None = None) -> None:
        """Photo `image` goes out. Raises ValueError when that id went out before: the account would be worthless."""
        if image in self._sent:
            raise ValueError(f"photo {image} was sent twice in one run")
        self._sent[image] = Sent(at, label)

    def refused(self, image: str) -> None:
        """Kafka did not accept photo `image`. Should an answer come all the same, the photo counts as answered."""
        self._refused.add(image)

    def verdict(self, verdict: Verdict, *, at: float) -> None:
        """A verdict arrived. Those on photos of other senders are ignored."""
        if self._answer(verdict.image):
            self._verdicts.setdefault(verdict.image, (verdict, at))

    def dead_letter(self, image: str, reason: str) -> None:
        """Photo `image` was set aside."""
        if self._answer(image):
            self._dead.setdefault(image, reason)

    @property
    def outstanding(self) -> int:
        """Photos without an answer so far."""
        return len(self._sent.keys() - self._answers.keys() - self._refused)

    def missing(self) -> list[str]:
        """The ids of the photos without an answer, in the order sent."""
        return [image for image in self._sent if image not in self._answers and image not in self._refused]

    def verdicts(self) -> dict[str, Verdict]:
        """The first verdict on each photo, by image id."""
        return {image: verdict for image, (verdict, _) in self._verdicts.items()}

    def latency(self, image: str) -> float | None:
        """Seconds from sending photo `image` to its first verdict; None while it has none."""
        judged = self._verdicts.get(image)
        return None if judged is None else judged[1] - self._sent[image].at

    def reasons(self) -> dict[str, str]:
        """Why photos were set aside, by image id."""
        return dict(self._dead)

    def summary(self) -> Summary:
        """The account so far."""
        latencies = [at - self._sent[image].at for image, (_, at) in self._verdicts.items()]
        decisions: list[Outcome] = [verdict.decision for verdict, _ in self._verdicts.values()]
        refused = len(self._refused - self._answers.keys())
        return Summary(
            photos=len(self._sent) - refused,
            refused=refused,
            verdicts=len(self._verdicts),
            dead_letters=len(self._dead),
            missing=self.outstanding,
            duplicates=sum(count - 1 for count in self._answers.values()),
            passed=decisions.count("pass"),
            failed=decisions.count("fail"),
            p50=percentile(latencies, 50),
            p99=percentile(latencies, 99),
            rankings=self._rankings(),
        )

    def _answer(self, image: str) -> bool:
        ours = image in self._sent
        if ours:
            self._answers[image] = self._answers.get(image, 0) + 1
        return ours

    def _rankings(self) -> tuple[Ranking, ...]:
        scores: dict[str, dict[Label, list[float]]] = {}
        for image, (verdict, _) in self._verdicts.items():
            label, score = self._sent[image].label, damage_score(verdict)
            if label is not None and score is not None and verdict.model is not None:
                scores.setdefault(verdict.model.version, {"good": [], "bad": []})[label].append(score)
        return tuple(
            Ranking(version, auroc(by["good"], by["bad"]), len(by["good"]), len(by["bad"]))
            for version, by in sorted(scores.items())
        )


def damage_score(verdict: Verdict) -> float | None:
    """The raw score of the damage check; None where it was skipped."""
    return next((check.score for check in verdict.checks if check.name == "damage"), None)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile: the least value that at least `percent` % of them do not exceed; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def auroc(good: Sequence[float], bad: Sequence[float]) -> float | None:
    """The probability that a bad part outscores a good one, ties counting half; None unless there are both.

    This is the area under the ROC curve (Mann-Whitney U / (n m); Hanley and McNeil 1982).
    """
    if not good or not bad:
        return None
    ranked = sorted([(score, 0) for score in good] + [(score, 1) for score in bad])
    wins, below, start = 0.0, 0, 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end][0] == ranked[start][0]:
            end += 1
        bad_here = sum(is_bad for _, is_bad in ranked[start:end])
        good_here = end - start - bad_here
        wins += bad_here * (below + good_here / 2)
        below += good_here
        start = end
    return wins / (len(good) * len(bad))
