"""A step in words, before it is taken."""

from dataclasses import dataclass

from services.console.pages.rollouts.outcome import Outcome
from services.console.words import Words
from shared.registry.steps import CanaryStep, PauseStep, PromoteStep, ResumeStep, RollbackStep, ShadowStep, Step


@dataclass(frozen=True, slots=True)
class Question:
    """What a confirmation asks.

    Attributes:
        heading: the question.
        answer: what its button says.
        meaning: what follows, in a sentence or two.
        danger: whether parts are judged by something that was not on trial.
    """

    heading: str
    answer: str
    meaning: str
    danger: bool = False


def question(words: Words, step: Step, told: Outcome) -> Question:
    """What is asked before a step is taken.

    Args:
        words: of the visitor's language.
        step: to be taken.
        told: what it would bring.
    """
    match step:
        case ShadowStep():
            return Question(
                words._("Let %(version)s look on?", version=step.version),
                words._("Let it look on"),
                words._("It scores every part and decides none. What it thinks is compared with the champion."),
            )
        case CanaryStep():
            return _canary(words, step, told)
        case PromoteStep():
            return _promote(words, told)
        case RollbackStep():
            return _rollback(words, told)
        case PauseStep():
            return Question(
                words._("Pause the trial of %(version)s?", version=_trial(told)),
                words._("Pause the trial"),
                words._("From the next part on the champion judges its parts too, until somebody resumes the trial."),
            )
        case ResumeStep():
            return Question(
                words._("Resume the trial of %(version)s?", version=_trial(told)),
                words._("Resume the trial"),
                words._("It gets its parts again. The trial begins anew: what came before the pause does not count."),
            )
        case _:
            raise TypeError(type(step).__name__)


def _canary(words: Words, step: CanaryStep, told: Outcome) -> Question:
    held = None if told.before is None else told.before.canary
    share = words.percent(step.percent / 100, 0 if step.percent == round(step.percent) else 1)
    if held is not None:
        return Question(
            words._("Give %(version)s a share of %(share)s?", version=step.version, share=share),
            words._("Change the share"),
            words._("The trial goes on. The parts are chosen by a hash: a greater share keeps those it has."),
        )
    return Question(
        words._("Put %(version)s on trial for %(share)s of the parts?", version=step.version, share=share),
        words._("Begin the trial"),
        words._(
            "It judges its share of the parts, always the same ones. The automatic judge watches it and acts by the "
            "guard."
        ),
    )


def _promote(words: Words, told: Outcome) -> Question:
    champion = told.after.champion
    heading = words._("Make %(version)s the champion?", version=champion)
    answer = words._("Promote %(version)s", version=champion)
    if told.before is None:
        return Question(
            heading, answer, words._("It begins an entry of this very key and judges all parts there."), danger=True
        )
    meaning = words._(
        "From the next part on it judges all parts. %(former)s stays warm: a rollback puts it in force again at once.",
        former=told.before.champion,
    )
    return Question(heading, answer, meaning, danger=told.untried)


def _rollback(words: Words, told: Outcome) -> Question:
    before = told.before
    if before is not None and before.champion != told.after.champion:
        return Question(
            words._("Go back to %(version)s?", version=told.after.champion),
            words._("Roll back to %(version)s", version=told.after.champion),
            words._(
                "From the next part on it judges all parts again, in place of %(version)s. It is still warm, so it is "
                "in force at once. A trial under way ends.",
                version=before.champion,
            ),
        )
    if any(move.role == "canary" for move in told.moves):
        return Question(
            words._("End the trial of %(version)s?", version=_trial(told)),
            words._("End the trial"),
            words._("From the next part on the champion judges all parts again. The version is retired here."),
        )
    return Question(
        words._("Send %(version)s away?", version=(before.shadow if before is not None else None) or ""),
        words._("Send it away"),
        words._("It looks on no longer. What judges stays as it is."),
    )


def _trial(told: Outcome) -> str:
    held = None if told.before is None else told.before.canary
    return "" if held is None else held.version
