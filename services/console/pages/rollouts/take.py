"""Take a step of a rollout for a visitor, by compare-and-swap on the revision that they saw."""

import structlog

from services.console.pages.rollouts.view import Change, changes
from services.console.visitor import Visitor
from shared.auth import Permission
from shared.errors import LinegateError
from shared.events import now
from shared.registry.client import Registry
from shared.registry.errors import RevisionConflict, UnknownVersion
from shared.registry.place_key import PlaceKey
from shared.registry.records import Advanced
from shared.registry.snapshot import Snapshot
from shared.registry.steps import Step
from shared.registry.visible import visible

_log = structlog.get_logger(__name__)


class ChangedMeanwhile(LinegateError):
    """Somebody else was quicker. Nothing was changed.

    Attributes:
        by: the latest change there; None where the audit no longer tells.
    """

    def __init__(self, by: Change | None) -> None:
        super().__init__("somebody else changed it meanwhile")
        self.by = by


def known(registry: Registry, visitor: Visitor) -> Snapshot:
    """The registry as far as a visitor may see it.

    Raises:
        RegistryUnavailable: Redis does not answer.
    """
    return visible(registry.snapshot(), visitor.principal)


def take(
    registry: Registry, visitor: Visitor, key: PlaceKey, action: str, step: Step, *, based_on: int | None
) -> Advanced:
    """Take a step.

    Args:
        registry: where.
        visitor: who.
        key: of the assignment.
        action: what the audit calls it.
        step: what.
        based_on: the revision that the visitor saw; None: no entry.

    Raises:
        Forbidden: the visitor may not change rollouts there.
        UnknownVersion: there is no such version, or the visitor may not see it.
        TransitionRejected: the step does not follow from what is held.
        ChangedMeanwhile: somebody else changed the entry.
        RegistryUnavailable: Redis does not answer.
    """
    visitor.must(Permission.MANAGE_ROLLOUT, key.plant)
    named = step.names()
    if named is not None and named not in known(registry, visitor).versions:
        # The same words for a version of another plant: names must not be a way to learn what others have.
        raise UnknownVersion(f"version {named} is not registered")
    try:
        done = registry.advance(
            key, step.transition(now()), action=action, author=visitor.name, note=step.note, expected=based_on
        )
    except RevisionConflict:
        # `history` also tells of keys under this one: only this one's change matters.
        latest = [one for one in changes(registry.history(50, key, tables=("assignments",))) if one.key == key.root]
        raise ChangedMeanwhile(latest[0] if latest else None) from None
    _log.info("rollout changed", key=str(key), action=action, revision=done.revision, subject=visitor.name)
    return done
