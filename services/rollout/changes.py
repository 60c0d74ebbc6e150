"""The registry's audit as events: what judges where from now on. Pure."""

from datetime import UTC, datetime
from typing import Final

from shared.events import RolloutChanged, derived_event_id
from shared.registry.records import Assignment, AuditEntry
from shared.trials.trial import JUDGE

_LAST_OF_MOMENT: Final = 2**64 - 1
"""The highest sequence number that a stream entry's id can have."""


def change_id(stream_id: str) -> str:
    """The id of the event about an audit entry: the same whoever tells it, and whenever."""
    return derived_event_id(stream_id, "rollout:change")


def changed(entry: AuditEntry) -> RolloutChanged | None:
    """The event about an audit entry; None where it is not about an assignment.

    Its time is the one at which Redis took the change, which is also the position in the audit: that is how a teller
    finds back to where it was.

    Raises:
        ValidationError: the entry holds an assignment that is not understood.
    """
    if entry.table != "assignments":
        return None
    before, after = (
        None if text is None else Assignment.model_validate_json(text) for text in (entry.before, entry.after)
    )
    champion = None if after is None else after.champion
    canary = None if after is None else after.canary
    return RolloutChanged(
        id=change_id(entry.stream_id),
        source="/linegate/rollout",
        time=moment_of(entry.stream_id),
        key=entry.key,
        revision=entry.revision,
        action=(entry.action or ("unassign" if after is None else "assign"))[:32],
        by=entry.author[:128],
        automatic=entry.author == JUDGE,
        note=entry.note[:1024],
        champion=champion,
        canary=None if canary is None else canary.version,
        percent=None if canary is None else canary.percent,
        paused=canary is not None and canary.paused,
        shadow=None if after is None else after.shadow,
        former=None if after is None else after.former,
        replaced=before.champion if before is not None and before.champion != champion else None,
    )


def moment_of(stream_id: str) -> datetime:
    """When Redis took a stream entry."""
    return datetime.fromtimestamp(int(stream_id.split("-", maxsplit=1)[0]) / 1000, UTC)


def just_before(moment: datetime) -> str:
    """The position in the audit after which all entries of this time and later ones come."""
    return f"{max(0, round(moment.timestamp() * 1000) - 1)}-{_LAST_OF_MOMENT}"
