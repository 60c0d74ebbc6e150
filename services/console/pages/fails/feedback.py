"""What a person found, from a button to Kafka."""

import asyncio
from typing import Any, Final

import structlog

from services.console.deps import Deps
from services.console.problems import PageError
from services.console.visitor import Visitor
from services.console.words import N_
from shared.auth import Permission
from shared.bus.publisher import PublishFailed
from shared.events import Feedback, Finding, Judged, Verdict, contradiction
from shared.history import PastVerdict

ACKNOWLEDGE_SECONDS: Final = 10.0
SOURCE: Final = "/linegate/console"
LONGEST_NOTE: Final = 1024
_log = structlog.get_logger(__name__)


async def give(deps: Deps, visitor: Visitor, verdict: Verdict | PastVerdict, finding: Finding, note: str) -> bool:
    """Publish what a visitor found; False where they said the same last, and have no other note.

    Raises:
        PageError: they may not, it does not fit the verdict, the note is too long, or Kafka does not take it now.
    """
    visitor.must(Permission.GIVE_FEEDBACK, verdict.plant)
    passed = verdict.decision == "pass"
    if contradiction(finding, "pass" if passed else "fail") is not None:
        raise PageError(
            409,
            N_("That does not fit the verdict"),
            hint=N_("This part passed.") if passed else N_("This part failed."),
        )
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise PageError(422, N_("The note is too long"), hint=N_("1024 characters at most."))
    said = deps.live.memory.words(verdict.plant, verdict.image)
    if said and (said[0].finding, said[0].by) == (finding, visitor.name) and note in ("", said[0].note):
        return False
    word = Feedback.model_validate(
        {
            **_about(verdict),
            "source": SOURCE,
            "image": verdict.image,
            "finding": finding,
            "by": visitor.name,
            "note": note,
        }
    )
    try:
        await asyncio.wait_for(asyncio.wrap_future(deps.publisher.publish(word)), ACKNOWLEDGE_SECONDS)
    except (PublishFailed, TimeoutError) as error:
        _log.warning("Kafka did not take feedback", image=verdict.image, error=str(error))
        raise PageError(
            503, N_("Kafka does not take it now"), hint=N_("Nothing was kept. Please try again in a moment.")
        ) from None
    deps.live.memory.take(word)  # at once, so that the answer shows it; from Kafka it comes again as the same word
    return True


def _about(verdict: Verdict | PastVerdict) -> dict[str, Any]:
    """The part, its address, and what was said of it as far as that is at hand: else the labels worker looks it up."""
    if isinstance(verdict, Verdict):
        return {**verdict.carried(), "judged": Judged.of(verdict)}
    names = ("part", "plant", "line", "station", "layout", "camera", "captured")
    return {name: getattr(verdict, name) for name in names}
