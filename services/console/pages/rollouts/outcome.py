"""What a step would bring into force, before it is taken. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from services.console.pages.rollouts.view import Move, moves, own_warnings, shares
from shared.registry.place_key import PlaceKey
from shared.registry.places import exceptions
from shared.registry.records import Assignment
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.registry.steps import CanaryStep, PauseStep, PromoteStep, ResumeStep, RollbackStep, ShadowStep, Step

STEPS: Final[Mapping[str, type[Step]]] = MappingProxyType(
    {
        "shadow": ShadowStep,
        "canary": CanaryStep,
        "promote": PromoteStep,
        "rollback": RollbackStep,
        "pause": PauseStep,
        "resume": ResumeStep,
    }
)
"""The steps that the console takes; limits of the guard are set by `linegate rollout guard`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A step, and what is in force after it.

    Attributes:
        key: where.
        revision: of the entry that it is based on; None where there is none.
        before: the present assignment; None where there is none.
        after: the next one.
        moves: the roles that change.
        exceptions: keys of entries that hold instead for some of the places, and go on to.
        warnings: about the crops of the versions that would be at work; one line each, in English.
        untried: whether a version would become the champion that was not on trial there, or whose trial is paused.
    """

    key: PlaceKey
    revision: int | None
    before: Assignment | None
    after: Assignment
    moves: tuple[Move, ...]
    exceptions: tuple[str, ...]
    warnings: tuple[str, ...]
    untried: bool

    @property
    def shares_before(self) -> tuple[tuple[str, float], ...]:
        """Who judges which share of the parts now, in percent."""
        return () if self.before is None else shares(self.before)

    @property
    def shares_after(self) -> tuple[tuple[str, float], ...]:
        """Who would judge which share."""
        return shares(self.after)


def outcome(snapshot: Snapshot, key: PlaceKey, step: Step, *, at: datetime) -> Outcome:
    """What a step would bring.

    Args:
        snapshot: as far as whoever asks may see it.
        key: where.
        step: asked for.
        at: the time.

    Raises:
        TransitionRejected: the step does not follow from what is held.
    """
    held = snapshot.assignment(key)
    before = None if held is None else held.record
    after = step.transition(at)(before)
    there = HeldAssignment(revision=0 if held is None else held.revision, record=after)
    changed = snapshot.model_copy(update={"assignments": {**snapshot.assignments, str(key): there}})
    return Outcome(
        key=key,
        revision=None if held is None else held.revision,
        before=before,
        after=after,
        moves=moves(before, after),
        exceptions=tuple(exceptions(snapshot.assignments, key)),
        warnings=own_warnings(changed, key),
        untried=_untried(before, after, step),
    )


def _untried(before: Assignment | None, after: Assignment, step: Step) -> bool:
    if not isinstance(step, PromoteStep) or before is None:
        return False
    trial = before.canary
    return trial is None or trial.version != after.champion or trial.paused
