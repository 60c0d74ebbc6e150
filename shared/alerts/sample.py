"""A sample: a message about no real alert, delivered like any other, to try a channel."""

from shared.alerts.records import Message
from shared.alerts.subscription import Subscription
from shared.events import AlertChanged, new_event_id, now


def sample_message(subscription: Subscription, channel: str, who: str) -> Message:
    """A message that tries a channel; `AlertBook.put_message` puts it into its outbox.

    Args:
        subscription: whose channel; it need not be enabled.
        channel: its name.
        who: pressed the button.

    Raises:
        KeyError: the subscription has no such channel.
    """
    if subscription.channel(channel) is None:
        raise KeyError(channel)
    at, alert = now(), new_event_id()
    change = AlertChanged.model_validate(
        {
            "source": "/linegate/test",
            "time": at,
            "alert": alert,
            "key": f"{subscription.id}|test",
            "subscription": subscription.id,
            "step": "fired",
            "state": "firing",
            "severity": subscription.severity,
            "condition": subscription.condition.kind,
            **subscription.scope.named,
            "summary": f"a test by {who[:256]}: no part is concerned",
            "count": 1,
            "since": at,
            "by": who[:256],
        }
    )
    return Message(
        id=new_event_id(),
        subscription=subscription.id,
        channel=channel,
        change=change,
        title=subscription.title or subscription.id,
        language=subscription.language,
        created=at,
        test=True,
    )
