"""Which step of an alert is told to which channels. Pure."""

from collections.abc import Iterator

from shared.alerts.channels import Channel
from shared.alerts.records import Alert, Message
from shared.alerts.subscription import Subscription
from shared.events import AlertChanged, derived_event_id


def messages(
    subscription: Subscription, before: Alert | None, after: Alert, change: AlertChanged
) -> tuple[Message, ...]:
    """The messages of one step; none while it is muted.

    Args:
        subscription: whose channels.
        before: the alert before the step; None where it fired.
        after: the alert after it.
        change: the step's event.
    """
    if after.muted is not None:
        return ()
    return tuple(
        Message(
            id=derived_event_id(change.id, f"message:{subscription.id}/{channel.name}"),
            subscription=subscription.id,
            channel=channel.name,
            change=change,
            title=subscription.title or subscription.id,
            language=subscription.language,
            created=change.time,
        )
        for channel in _channels(subscription, before, change)
    )


def _channels(subscription: Subscription, before: Alert | None, change: AlertChanged) -> Iterator[Channel]:
    told = before is not None and before.told is not None
    escalation = () if subscription.escalation is None else subscription.escalation.channels
    match change.step:
        case "fired" | "repeated":
            yield from subscription.channels
        case "unmuted" if not told:
            yield from subscription.channels
        case "escalated":
            yield from escalation
        case "acknowledged" | "resolved" if told:
            heard = subscription.channels + (escalation if before is not None and before.escalated else ())
            ends = change.step == "resolved" and subscription.tell_resolved
            # A light that was switched on must be switched off, and may shine steadily once somebody comes.
            yield from (channel for channel in heard if ends or channel.kind == "mqtt")
