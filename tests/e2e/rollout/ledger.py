"""What the committed verdicts and the registry's audit say of a rollout, side by side. Pure."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.score.route import route
from shared.events import Verdict
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, AuditEntry

PATIENCE_S: Final = 30.0
"""A verdict by an entry that was replaced longer ago than this is wrong, whatever it says of itself."""


@dataclass(frozen=True, slots=True)
class Change:
    """One assignment as it was put in force."""

    key: str
    revision: int
    action: str
    author: str
    time: datetime
    record: Assignment | None


def changes_of(audit: Sequence[AuditEntry]) -> list[Change]:
    """The changes of assignments, in their order."""
    return [
        Change(
            entry.key,
            entry.revision,
            entry.action,
            entry.author,
            entry.time,
            None if entry.after is None else Assignment.model_validate_json(entry.after),
        )
        for entry in audit
        if entry.table == "assignments"
    ]


def wrong(verdict: Verdict, changes: Sequence[Change]) -> str | None:
    """Why a verdict is not by the version and arm that it had to be by; None where it is."""
    stamp = verdict.model
    if stamp is None:
        return "no model judged"
    if stamp.fallback is not None:
        return f"{stamp.version} stood in: {stamp.fallback.reason}"
    entry = next((change for change in changes if change.revision == stamp.revision), None)
    if entry is None or entry.record is None or entry.key != stamp.assignment:
        return f"revision {stamp.revision} is no assignment of {stamp.assignment}"
    if not PlaceKey(entry.key).matches(verdict.place):
        return f"{entry.key} does not hold at {verdict.place}"
    due = route(entry.record, verdict.part)
    if (due.version, due.arm) != (stamp.version, stamp.arm):
        return f"{stamp.version} ({stamp.arm}) judged where {due.version} ({due.arm}) had to"
    return _late(verdict, entry, changes)


def _late(verdict: Verdict, entry: Change, changes: Sequence[Change]) -> str | None:
    later = [change for change in changes if change.key == entry.key and change.revision > entry.revision]
    after_s = (verdict.time - later[0].time).total_seconds() if later else 0.0
    return f"revision {entry.revision} judged {after_s:.1f} s after its end" if after_s > PATIENCE_S else None


def swap_ms(change: Change, verdicts: Sequence[Verdict]) -> float | None:
    """How long after a change its key was judged by it and by nothing else, on every worker, in milliseconds.

    Until the first verdict by the new entry or the last by a former one, whichever is later: the wait for the next part
    is in it, and where the change names a version that is new to the workers, its loading. None where no parts were
    judged before the change, or none after it.
    """
    of_key = [v for v in verdicts if v.model is not None and v.model.assignment == change.key]
    former = [v.time for v in of_key if v.model is not None and v.model.revision < change.revision]
    since = [v.time for v in of_key if v.model is not None and v.model.revision >= change.revision]
    if not former or not since:
        return None
    return (max(*former, min(since)) - change.time).total_seconds() * 1000


def summary(
    sent: Sequence[str], verdicts: Sequence[Verdict], changes: Sequence[Change], *, bad: str
) -> Mapping[str, Any]:
    """The figures of a run.

    Args:
        sent: ids of the photos that Kafka took.
        verdicts: all that were committed.
        changes: of the registry.
        bad: the version that had to be rolled back.
    """
    counts = Counter(verdict.image for verdict in verdicts)
    swaps = [ms for change in changes if (ms := swap_ms(change, verdicts)) is not None]
    begun = next((c for c in changes if c.record and c.record.canary and c.record.canary.version == bad), None)
    ended = next((c for c in changes if c.action == "rollback" and bad in (c.record.retired if c.record else ())), None)
    back = None if ended is None else swap_ms(ended, verdicts)
    return {
        "photos": len(sent),
        "verdicts": len(verdicts),
        "missing": len(set(sent) - counts.keys()),
        "duplicates": sum(count - 1 for count in counts.values()),
        "wrong_version": sum(wrong(verdict, changes) is not None for verdict in verdicts),
        "swap_ms": {
            "p50": round(statistics.median(swaps), 1),
            "max": round(max(swaps), 1),
            "changes": len(swaps),
        },
        "rollback_s": None if back is None else round(back / 1000, 3),
        "detected_s": None if ended is None or begun is None else round((ended.time - begun.time).total_seconds(), 1),
        "auto_rollback": ended is not None and ended.author == "judge",
    }
