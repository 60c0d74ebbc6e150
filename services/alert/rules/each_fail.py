"""Every failed part. Pure."""

from services.alert.observation import Observation
from shared.alerts.records import Group, Trigger


def triggers(seen: Observation, group: Group, where: str) -> list[Trigger]:
    """One trigger for a failed part, none for a passed one.

    Args:
        seen: the part.
        group: of the subscription.
        where: the place, for people.
    """
    if not seen.failed:
        return []
    summary = f"part {seen.part} failed at {where}{_why(seen)}"
    return [Trigger(id=seen.id, group=group, summary=summary, time=seen.time, evidence=(seen.evidence,))]


def _why(seen: Observation) -> str:
    if seen.score is None or seen.threshold is None:
        return ": no part was found in its photo"
    if seen.score < seen.threshold:
        return ""
    return f": damage {seen.score:.3g}, the threshold is {seen.threshold:.3g}"
