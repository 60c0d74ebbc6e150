"""How one assignment may follow another: candidate -> shadow -> canary -> champion -> retired. Pure.

Each step is a function from the assignment that is held (None where there is none) to the next one. `Registry.advance`
makes it and writes it by compare-and-swap. Stages may be skipped forwards, by name; back leads only the rollback.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Literal, TypeAlias

from shared.registry.errors import TransitionRejected
from shared.registry.guard import Guard
from shared.registry.place_key import PlaceKey
from shared.registry.records import RETIRED_KEPT, Assignment, Canary, VersionRecord

Stage: TypeAlias = Literal["candidate", "shadow", "canary", "champion", "retired"]
Trial: TypeAlias = Literal["canary", "champion", "shadow"]
Transition: TypeAlias = Callable[[Assignment | None], Assignment]


def stage_of(key: PlaceKey, held: Assignment | None, record: VersionRecord) -> Stage | None:
    """The stage of a version at exactly `key`; None where it was neither put there nor made for it."""
    version = record.version
    if held is not None:
        if version == held.champion:
            return "champion"
        if held.canary is not None and version == held.canary.version:
            return "canary"
        if version == held.shadow:
            return "shadow"
        if version == held.former or version in held.retired:
            return "retired"
    return "candidate" if record.place is not None and record.place.overlaps(key) else None


def shadow(held: Assignment | None, version: str) -> Assignment:
    """Have `version` look on. A shadow that looked on before is retired.

    Raises:
        TransitionRejected: there is no champion, or the version is the champion or the canary.
    """
    there = _there(held, version)
    _not_at_work(there, version, "look on", shadow_too=True)
    return _retire(there, {there.shadow}, shadow=version, keep={version})


def canary(held: Assignment | None, version: str, percent: float, *, at: datetime) -> Assignment:
    """Give `version` a share of the parts to judge, or change the share of the trial under way.

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
    left = None if there.shadow == version else there.shadow
    return _retire(there, (), canary=begun, shadow=left, keep={version})


def promote(held: Assignment | None, version: str | None = None, *, direct: bool = False) -> Assignment:
    """Make a version the champion; the champion becomes `former` and stays warm.

    Args:
        held: the present assignment; where there is none, `version` begins one.
        version: None takes the canary.
        direct: whether a version may skip its trial as canary.

    Raises:
        TransitionRejected: no version is meant, it is the champion already, it had no trial, or another one is on it.
    """
    if held is None:
        if version is None:
            raise TransitionRejected("there is nothing to promote here", hint="name a version to begin with")
        return Assignment(champion=version)
    trial = None if held.canary is None else held.canary.version
    chosen = version or trial
    if chosen is None:
        raise TransitionRejected("no canary is on trial here", hint="name a version")
    if chosen == held.champion:
        raise TransitionRejected(f"{chosen} is the champion here already")
    if trial is not None and chosen != trial:
        raise TransitionRejected(f"{trial} is on trial here", hint="roll the trial back first, or promote that one")
    if trial is None and not direct:
        raise TransitionRejected(
            f"{chosen} was no canary here", hint="put it on trial first, or say --direct to do without"
        )
    left = None if held.shadow == chosen else held.shadow
    keep = {chosen, held.champion}
    return _retire(held, {held.former}, keep=keep, champion=chosen, former=held.champion, canary=None, shadow=left)


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
    chosen = what or ("champion" if held.canary is None else "canary")
    match chosen:
        case "canary":
            if held.canary is None:
                raise TransitionRejected("no canary is on trial here")
            return _retire(held, {held.canary.version}, canary=None)
        case "shadow":
            if held.shadow is None:
                raise TransitionRejected("no shadow looks on here")
            return _retire(held, {held.shadow}, shadow=None)
        case "champion":
            if held.former is None:
                raise TransitionRejected(
                    f"{held.champion} is the first champion here", hint="promote another version, or unassign the place"
                )
            # A trial was compared with the champion that goes: it ends with it.
            trial = None if held.canary is None else held.canary.version
            back = {"champion": held.former, "former": None, "canary": None}
            left = None if held.shadow == held.former else held.shadow
            return _retire(held, {held.champion, trial}, keep={held.former}, shadow=left, **back)


def pause(held: Assignment | None) -> Assignment:
    """Give the canary's parts to the champion until `resume`.

    Raises:
        TransitionRejected: no canary is on trial, or it is paused already.
    """
    return _paused(held, paused=True)


def resume(held: Assignment | None) -> Assignment:
    """Give the canary its parts again.

    Raises:
        TransitionRejected: no canary is on trial, or it is not paused.
    """
    return _paused(held, paused=False)


def guarded(held: Assignment | None, guard: Guard) -> Assignment:
    """Hold trials here to `guard`.

    Raises:
        TransitionRejected: there is no assignment.
    """
    if held is None:
        raise TransitionRejected("there is no assignment here", hint="promote a version first")
    return held.model_copy(update={"guard": guard})


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


def _paused(held: Assignment | None, *, paused: bool) -> Assignment:
    if held is None or held.canary is None:
        raise TransitionRejected("no canary is on trial here")
    if held.canary.paused == paused:
        raise TransitionRejected(f"{held.canary.version} is {'paused already' if paused else 'not paused'}")
    return held.model_copy(update={"canary": held.canary.model_copy(update={"paused": paused})})


def _retire(
    held: Assignment, gone: Collection[str | None], *, keep: Collection[str] = (), **changes: object
) -> Assignment:
    """`held` with `changes`; those in `gone` come first among the retired, those in `keep` leave them."""
    names = sorted(version for version in gone if version is not None and version not in keep)
    rest = [version for version in held.retired if version not in keep and version not in gone]
    return held.model_copy(update={**changes, "retired": tuple((*names, *rest)[:RETIRED_KEPT])})
