"""A breach in words: the event, its id, the line for people."""

from typing import Final, Literal

from shared.events import RolloutBreach, derived_event_id
from shared.faults import Report
from shared.trials.measures.measure import Measure, MeasureName
from shared.trials.trial import Standing, Trial

MOST_NOTE: Final = 1024
Action = Literal["rollback", "pause", "alert"]
SEVERITY: Final[dict[Action, int]] = {"alert": 0, "pause": 1, "rollback": 2}


def breach_id(trial: Trial, measure: MeasureName, action: Action) -> str:
    """The id of the event about a trial's breach: the same from every judge, and after every restart."""
    return derived_event_id(f"{trial.identity} {measure}", f"breach:{action}")


def breach_event(standing: Standing, measure: Measure, action: Action) -> RolloutBreach:
    """The event about a breach.

    Args:
        standing: the trial.
        measure: beyond its limit.
        action: what was done.
    """
    trial = standing.trial
    return RolloutBreach(
        id=breach_id(trial, measure.name, action),
        source="/linegate/rollout",
        key=trial.key,
        version=trial.version,
        champion=trial.champion,
        arm=trial.arm,
        measure=measure.name,
        value=measure.held or 0.0,
        limit=measure.limit or 0.0,
        trial_parts=measure.trial_parts,
        champion_parts=measure.champion_parts,
        action=action,
        detail=line(standing, [measure])[:MOST_NOTE],
    )


def line(standing: Standing, measures: list[Measure]) -> str:
    """One line: which version, beside which, and how far beyond what."""
    trial = standing.trial
    found = "; ".join(
        f"{measure.name} {measure.held:.3g} > {measure.limit:g}: {measure.told}"
        for measure in measures
        if measure.held is not None and measure.limit is not None
    )
    return f"{trial.arm} {trial.version} beside {trial.champion}: {found}"


def report(standing: Standing, detail: str) -> Report:
    """The fault that a trial is there which is beyond its limits."""
    trial = standing.trial
    left = "paused: its parts go to the champion" if standing.paused else "it goes on"
    what = f"`linegate rollout rollback {trial.key}` ends it" if trial.arm == "canary" else "it gates nothing"
    return Report(
        "rollout_breach",
        "warning",
        detail,
        subject=f"{trial.key} {trial.version}",
        hint=f"{left}; {what}",
        where=trial.place.named,
        version=trial.version,
    )
