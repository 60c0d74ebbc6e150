"""What a confirmation asks: every step, in every language, in words of its own."""

import itertools

import pytest

from services.console.pages.rollouts.outcome import outcome
from services.console.pages.rollouts.wording import Question, question
from services.console.words import LANGUAGES, Words
from shared.registry.records import Assignment
from shared.registry.steps import CanaryStep, PauseStep, PromoteStep, ResumeStep, RollbackStep, ShadowStep, Step
from shared.settings.plants import PlantsSettings
from tests.unit.services.console.pages.state import LINE, START, canary, snapshot

TRIAL = Assignment(champion="v1", canary=canary("v2"), shadow="v3", former="v0")
PAUSED = Assignment(champion="v1", canary=canary("v2", paused=True))
PLAIN = Assignment(champion="v1", shadow="v3", former="v0")
STEPS: list[tuple[Assignment | None, Step, str, bool]] = [
    (PLAIN, ShadowStep(version="v9"), "v9", False),
    (PLAIN, CanaryStep(version="v9", percent=12.5), "v9", False),
    (TRIAL, CanaryStep(version="v2", percent=50), "v2", False),
    (TRIAL, PromoteStep(), "v2", False),
    (PAUSED, PromoteStep(direct=True), "v2", True),
    (PLAIN, PromoteStep(version="v9", direct=True), "v9", True),
    (None, PromoteStep(version="v9"), "v9", True),
    (TRIAL, PauseStep(), "v2", False),
    (PAUSED, ResumeStep(), "v2", False),
    (TRIAL, RollbackStep(what="canary"), "v2", False),
    (PLAIN, RollbackStep(what="champion"), "v0", False),
    (PLAIN, RollbackStep(what="shadow"), "v3", False),
    (TRIAL, RollbackStep(), "v2", False),
    (PLAIN, RollbackStep(), "v0", False),
]


def asked(held: Assignment | None, step: Step, language: str) -> Question:
    """In this language."""
    state = snapshot({} if held is None else {"munich/line-1": held})
    return question(Words(language, PlantsSettings()), step, outcome(state, LINE, step, at=START))


@pytest.mark.parametrize(("held", "step", "version", "danger"), STEPS)
def test_the_question_names_the_version(held: Assignment | None, step: Step, version: str, danger: bool) -> None:
    """And says where something untried would judge."""
    for language in LANGUAGES:
        told = asked(held, step, language)
        assert version in told.heading
        assert told.danger is danger


def test_different_steps_are_asked_in_different_words() -> None:
    """Nobody shall end a trial who means to roll the champion back."""
    for language in LANGUAGES:
        ended, back, away = (
            asked(held, RollbackStep(what=what), language)
            for held, what in ((TRIAL, "canary"), (PLAIN, "champion"), (PLAIN, "shadow"))
        )
        for one, other in itertools.combinations((ended, back, away, asked(TRIAL, PauseStep(), language)), 2):
            assert one.heading != other.heading
            assert one.answer != other.answer
            assert one.meaning != other.meaning
    share = CanaryStep(version="v9", percent=12.5)
    assert asked(PLAIN, share, "en").heading == "Put v9 on trial for 12.5\xa0% of the parts?"
    assert "12,5\xa0%" in asked(PLAIN, share, "de").heading
