"""Parts that the console does not remember any more, out of the history."""

from datetime import datetime, timedelta
from typing import Final

from services.console.deps import Deps
from services.console.pages.fails.view import PartView, Word
from services.console.visitor import Visitor
from shared.auth import Permission
from shared.events import Check
from shared.history import History, PastVerdict, Scope

AROUND: Final = timedelta(seconds=1)
"""Addresses tell the time of the shutter in whole seconds."""
MOST: Final = 1000
"""Photos of one plant within that time."""


def find(deps: Deps, plant: str, image: str, at: datetime) -> PastVerdict | None:
    """The verdict on a photo that was taken at `at`; None where the history has none. Asks the store.

    Raises:
        StoreUnavailable: it does not answer.
        HistoryTooLarge: the history of that day does not fit into its memory.
    """
    history = History(deps.settings.store, deps.settings.plants, deps.settings.history)
    scope = Scope(plant=plant, since=at - AROUND, until=at + 2 * AROUND)
    return next((one for one in history.verdicts(scope, limit=MOST) if one.image == image), None)


def past_view(deps: Deps, visitor: Visitor, past: PastVerdict) -> PartView:
    """What the templates show of it."""
    failed = past.score is not None and past.threshold is not None and past.score >= past.threshold
    damage = Check(
        name="damage", result="fail" if failed else "pass", score=past.score, threshold=past.threshold, peak=past.peak
    )
    said = deps.live.memory.words(past.plant, past.image)
    return PartView(
        verdict=past,
        damage=damage,
        words=tuple(Word(word.finding, word.by, word.time, word.note) for word in said),
        has_map=past.peak is not None,
        may_judge=visitor.may(Permission.GIVE_FEEDBACK, past.plant),
    )
