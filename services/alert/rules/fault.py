"""Something of Linegate's own is amiss. Pure."""

from collections.abc import Iterable
from datetime import datetime

from services.alert.groups import concerns, group_of_fault
from shared.alerts.conditions import FaultRaised
from shared.alerts.records import Group, Trigger
from shared.alerts.subscription import Subscription
from shared.events import Fault

_MOST = 512
_MOST_ID = 256


def met(fault: Fault, condition: FaultRaised, subscription: Subscription, at: datetime) -> bool:
    """Whether a fault is there that the subscription is about."""
    there = fault.state == "raised" and fault.expires is not None and fault.expires > at
    return there and (not condition.kinds or fault.kind in condition.kinds) and concerns(fault, subscription.scope)


def triggers(fault: Fault, condition: FaultRaised, subscription: Subscription, at: datetime) -> list[Trigger]:
    """One trigger for a fault that is there. It is told again and again under one id, and so counts once."""
    if not met(fault, condition, subscription, at):
        return []
    subject = f" ({fault.subject})" if fault.subject else ""
    hint = "" if fault.hint is None else f"; {fault.hint}"
    summary = f"{fault.kind} of {fault.worker}{subject}: {fault.detail}{hint}"
    # By our clock: what holds now is told now, also where it began outside of the subscription's hours.
    identity = f"{fault.id}|{fault.key}"[:_MOST_ID]
    return [Trigger(id=identity, group=group_of_fault(fault, subscription), summary=summary[:_MOST], time=at)]


def lasts(
    standing: Iterable[Fault], condition: FaultRaised, subscription: Subscription, group: Group, at: datetime
) -> bool:
    """Whether a fault that the alert of a group is about is still there."""
    return any(
        met(fault, condition, subscription, at) and group_of_fault(fault, subscription) == group for fault in standing
    )
