"""A judged part as its card and its own page show it. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.events import Check, Feedback, Finding, LabelledPart, Outcome, Verdict
from shared.history import PastVerdict

FINDINGS: dict[Outcome, tuple[Finding, Finding]] = {
    "fail": ("confirmed_damage", "false_alarm"),
    "pass": ("missed_damage", "confirmed_good"),
}
"""What can be said of a verdict: it was right, it was wrong; for a pass the other way round."""


@dataclass(frozen=True)
class Word:
    """What somebody said of a part."""

    finding: Finding
    by: str
    at: datetime
    note: str


@dataclass(frozen=True)
class PartView:
    """One photo of a part, with its verdict."""

    verdict: Verdict | PastVerdict
    damage: Check | None
    words: tuple[Word, ...]
    """The latest first."""
    has_map: bool
    may_judge: bool
    """Whether the visitor may say what they found."""

    @property
    def key(self) -> str:
        """Names the card on the page: ids of photos may hold anything."""
        return "part-" + hashlib.sha256(f"{self.verdict.plant}/{self.verdict.image}".encode()).hexdigest()[:16]

    @property
    def word(self) -> Word | None:
        """The one that counts."""
        return self.words[0] if self.words else None

    @property
    def findings(self) -> tuple[Finding, Finding]:
        """What can be said of it."""
        return FINDINGS["pass" if self.verdict.decision == "pass" else "fail"]


def part_view(
    verdict: Verdict, words: Sequence[Feedback | LabelledPart], *, map_held: bool, may_judge: bool
) -> PartView:
    """The view of a verdict.

    Args:
        verdict: on the photo.
        words: what people said of it, the latest first.
        map_held: whether its map is at hand; else the verdict tells whether one was made.
        may_judge: whether the visitor may say what they found.
    """
    damage = next((check for check in verdict.checks if check.name == "damage"), None)
    made = damage is not None and damage.peak is not None and verdict.decision == "fail"
    return PartView(
        verdict=verdict,
        damage=damage,
        words=tuple(Word(word.finding, word.by, word.time, word.note) for word in words),
        has_map=map_held or made,
        may_judge=may_judge,
    )


def newest(verdicts: Sequence[Sequence[Verdict]], count: int, *, line: str | None = None) -> list[Verdict]:
    """The newest of several plants' verdicts, of one line where that is named."""
    every = [verdict for some in verdicts for verdict in some if line in (None, verdict.line)]
    return sorted(every, key=lambda verdict: (verdict.time, verdict.image), reverse=True)[:count]
