"""So many failed parts within any window of that length. Pure."""

from services.alert.rules.crowd import Crowd
from services.alert.rules.words import length
from shared.alerts.conditions import FailsInWindow
from shared.alerts.records import EVIDENCE_KEPT, Group, Trigger


def trigger(crowd: Crowd, condition: FailsInWindow, group: Group, where: str) -> Trigger:
    """The trigger of a crowd of failed parts."""
    last = crowd.last
    latest = tuple(one.evidence for one in crowd.members[::-1][:EVIDENCE_KEPT])
    told = "1 part" if condition.fails == 1 else f"{condition.fails} parts"
    summary = f"{told} failed at {where} within {length(condition.minutes)}, the latest {last.part}"
    return Trigger(id=last.id, group=group, summary=summary, time=last.time, evidence=latest)
