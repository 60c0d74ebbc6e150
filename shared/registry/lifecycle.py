"""How one assignment may follow another: candidate -> shadow -> canary -> champion -> retired. Pure.

Each step is a function from the assignment that is held (None where there is none) to the next one. `Registry.advance`
makes it and writes it by compare-and-swap. Stages may be skipped forwards, by name; back leads only the rollback.

What every step keeps: one champion; nobody in two of the roles champion, canary and shadow; and nobody retired who is
in one of them, or to whom a rollback would go back.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, TypeAlias

from shared.registry.errors import TransitionRejected
from shared.registry.guard import Guard
from shared.registry.place_key import PlaceKey
from shared.registry.records import RETIRED_KEPT, Assignment, Canary, VersionRecord

Stage: TypeAlias = Literal["candidate", "shadow", "canary", "champion", "former", "retired"]
Trial: TypeAlias = Literal["canary", "champion", "shadow"]
Transition: TypeAlias = Callable[[Assignment | None], Assignment]


def stage_of(key: PlaceKey, held: Assignment | None, record: VersionRecord) -> Stage | None:
    """The stage of a version at exactly `key`; None where it was neither put there nor made for it.

    `former` is the retired version that a rollback goes back to.
    """
    if held is not None and (stage := _stage_in(held, record.version)) is not None:
        return stage
    return "candidate" if record.place is not None and record.place.overlaps(key) else None


def shadow(held: Assignment | None, version: str) -> Assignment:
    """Have `version` look on. A shadow that looked on before is retired.

    Raises:
        TransitionRejected: there is no champion, or the version is at work here already.
    """
    there = _there(held, version)
    _not_at_work(there, version, "look on", shadow_too=True)
    return _changed(there, shadow=version)


def canary(held: Assignment | None, version: str, percent: float, *, at: datetime) -> Assignment:
    """Give `version` a share of the parts to judge, or change the share of the trial under way.

    A trial that is paused stays so: `resume` is a decision of its own.

    Args:
        held: the present assignment.
        version: on trial.
        percent: of the parts, by a stable hash of the part.
        at: the time, for a trial that begins.

    Raises:
        TransitionRejected: there is no champion, the version is the champion, or another trial is under way.
    """
    there = _there(held, version)
    trial = there.canary
    if trial is not None and trial.version != version:
        raise TransitionRejected(
            f"{trial.version} is on trial here already", hint="promote it or roll it back first: one trial at a time"
        )
    if trial is not None:
        return there.model_copy(update={"canary": trial.model_copy(update={"percent": percent})})
    _not_at_work(there, version, "be on trial")
    begun = Canary(version=version, percent=percent, since=at)
    return _changed(there, canary=begun, shadow=_unless(there.shadow, version))


def promote(held: Assignment | None, version: str | None = None, *, direct: bool = False) -> Assignment:
    """Make a version the champion; the champion becomes `former` and stays warm.

    Args:
        held: the present assignment; where there is none, `version` begins one: there is nothing to try it beside.
        version: None takes the canary.
        direct: whether a version may skip its trial as canary, or end it while it is paused.

    Raises:
        TransitionRejected: no version is meant, it is the champion already, it had no trial or the trial is paused, or
            another one is on trial.
    """
    if held is None:
        if version is None:
            raise TransitionRejected("there is nothing to promote here", hint="name a version to begin with")
        return Assignment(champion=version)
    trial = held.canary
    chosen = version or (None if trial is None else trial.version)
    if chosen is None:
        raise TransitionRejected("no canary is on trial here", hint="name a version")
    if chosen == held.champion:
        raise TransitionRejected(f"{chosen} is the champion here already")
    if trial is not None and chosen != trial.version:
        raise TransitionRejected(
            f"{trial.version} is on trial here", hint="roll the trial back first, or promote that one"
        )
    if trial is None and not direct:
        raise TransitionRejected(
            f"{chosen} was no canary here", hint="put it on trial first, or say --direct to do without"
        )
    if trial is not None and trial.paused and not direct:
        # Whoever promotes the trial they saw running must not take one that the judge has stopped meanwhile.
        raise TransitionRejected(
            f"the trial of {chosen} is paused", hint="resume it first, or say --direct to promote it all the same"
        )
    return _changed(held, champion=chosen, former=held.champion, canary=None, shadow=_unless(held.shadow, chosen))


def rollback(held: Assignment | None, what: Trial | None = None) -> Assignment:
    """Take back what was done last: the trial where there is one, else the promotion.

    Args:
        held: the present assignment.
        what: the canary or the shadow is taken away, or the champion gives way to `former`; None chooses.

    Raises:
        TransitionRejected: there is nothing of the kind to take back.
    """
    if held is None:
        raise TransitionRejected("there is no assignment here", hint="`linegate rollout list` shows all")
    match what or ("champion" if held.canary is None else "canary"):
        case "canary":
            if held.canary is None:
                raise TransitionRejected("no canary is on trial here")
            return _changed(held, canary=None)
        case "shadow":
            if held.shadow is None:
                raise TransitionRejected("no shadow looks on here")
            return _changed(held, shadow=None)
        case "champion":
            if held.former is None:
                raise TransitionRejected(
                    f"there is no champion before {held.champion} to go back to here",
                    hint="promote another version, or unassign the place",
                )
            # A trial was compared with the champion that goes: it ends with it.
            left = _unless(held.shadow, held.former)
            return _changed(held, champion=held.former, former=None, canary=None, shadow=left)


def pause(held: Assignment | None) -> Assignment:
    """Give the canary's parts to the champion until `resume`.

    Raises:
        TransitionRejected: no canary is on trial, or it is paused already.
    """
    if held is None or held.canary is None:
        raise TransitionRejected("no canary is on trial here")
    if held.canary.paused:
        raise TransitionRejected(f"{held.canary.version} is paused already")
    return held.model_copy(update={"canary": held.canary.model_copy(update={"paused": True})})


def resume(held: Assignment | None, *, at: datetime) -> Assignment:
    """Give the canary its parts again. The trial begins anew: what it did before was looked at, and would count again.

    Args:
        held: the present assignment.
        at: the time.

    Raises:
        TransitionRejected: no canary is on trial, or it is not paused.
    """
    if held is None or held.canary is None:
        raise TransitionRejected("no canary is on trial here")
    if not held.canary.paused:
        raise TransitionRejected(f"{held.canary.version} is not paused")
    return held.model_copy(update={"canary": held.canary.model_copy(update={"paused": False, "since": at})})


def guarded(held: Assignment | None, changes: Guard | Mapping[str, object]) -> Assignment:
    """Hold trials here to a guard.

    Args:
        held: the present assignment.
        changes: the guard, or those of its fields that change.

    Raises:
        TransitionRejected: there is no assignment.
        ValidationError: a field is unknown or its value is none.
    """
    if held is None:
        raise TransitionRejected("there is no assignment here", hint="promote a version first")
    guard = changes if isinstance(changes, Guard) else Guard.model_validate({**held.guard.model_dump(), **changes})
    return held.model_copy(update={"guard": guard})


def assigned(
    held: Assignment | None, champion: str, *, canary: Canary | None = None, shadow: str | None = None
) -> Assignment:
    """Set all roles at once, whatever they were: for setting up, and for repair. The guard stays.

    A champion that is replaced becomes `former`. A trial that goes on with the same version keeps its beginning.

    Raises:
        TransitionRejected: one version is to have two roles.
    """
    named = [version for version in (champion, canary.version if canary else None, shadow) if version is not None]
    if len(set(named)) < len(named):
        raise TransitionRejected("one version cannot have two roles at one place")
    if held is None:
        return Assignment(champion=champion, canary=canary, shadow=shadow)
    former = held.former if champion == held.champion else held.champion
    trial = held.canary
    if trial is not None and canary is not None and trial.version == canary.version and not trial.paused:
        canary = canary.model_copy(update={"since": trial.since})
    return _changed(held, champion=champion, canary=canary, shadow=shadow, former=former)


def _stage_in(held: Assignment, version: str) -> Stage | None:
    if version == held.champion:
        return "champion"
    if held.canary is not None and version == held.canary.version:
        return "canary"
    if version == held.shadow:
        return "shadow"
    if version == held.former:
        return "former"
    return "retired" if version in held.retired else None


def _there(held: Assignment | None, version: str) -> Assignment:
    if held is None:
        raise TransitionRejected(
            "no champion judges here by an entry of this very key",
            hint=f"`linegate rollout promote KEY {version}` begins one",
        )
    return held


def _not_at_work(held: Assignment, version: str, what: str, *, shadow_too: bool = False) -> None:
    at_work = {held.champion: "the champion"}
    if held.canary is not None:
        at_work[held.canary.version] = "on trial"
    if shadow_too and held.shadow is not None:
        at_work[held.shadow] = "the shadow"
    if version in at_work:
        raise TransitionRejected(f"{version} is {at_work[version]} here: it cannot {what} as well")


def _unless(version: str | None, other: str) -> str | None:
    return None if version == other else version


def _changed(held: Assignment, **changes: object) -> Assignment:
    """`held` with `changes`. Who has no role any more comes first among the retired, who has one leaves them."""
    after = held.model_copy(update=changes)
    kept = after.warm()
    gone = sorted(set(held.warm()) - set(kept))
    rest = [version for version in held.retired if version not in kept and version not in gone]
    return after.model_copy(update={"retired": tuple((*gone, *rest)[:RETIRED_KEPT])})
