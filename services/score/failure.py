"""A version that could not be loaded, why, and when it is tried again."""

from dataclasses import dataclass
from typing import Final

from shared.errors import LinegateError
from shared.registry.records import VersionRecord
from shared.store import StoreUnavailable

FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 60.0


class ModelNotLoaded(LinegateError):
    """A version cannot be used now: ours to repair, not the part's fault. The shelf is as it was."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A version that could not be loaded.

    Attributes:
        record: the version.
        reason: one line.
        store_away: whether the artifact store did not answer.
        pause_s: until the next attempt, from the last one on.
        due: when that is, in the shelf's clock.
    """

    record: VersionRecord
    reason: str
    store_away: bool
    pause_s: float
    due: float


def failed(record: VersionRecord, error: Exception, *, before: Failure | None, now: float) -> Failure:
    """The failure of a load by `error`; each pause is twice as long as that of the failure `before`."""
    text = error.line if isinstance(error, LinegateError) else f"{type(error).__name__}: {error}"
    pause = FIRST_RETRY_S if before is None else min(LONGEST_RETRY_S, 2 * before.pause_s)
    return Failure(
        record,
        " ".join(text.split())[:500],
        store_away=isinstance(error, StoreUnavailable),
        pause_s=pause,
        due=now + pause,
    )
