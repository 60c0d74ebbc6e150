"""What an open alert needs next, when nobody does anything. Pure."""

from datetime import datetime, timedelta
from typing import NamedTuple

from shared.alerts import life
from shared.alerts.records import SYSTEM, Alert
from shared.alerts.subscription import Subscription
from shared.events import Mute


class Care(NamedTuple):
    """One step."""

    step: life.Life
    note: str = ""


class Situation(NamedTuple):
    """How things stand for an alert.

    Attributes:
        at: the present.
        as_of: until when everything that came is counted: what is quiet since is really quiet.
        lasts: whether its condition is still met, where that can be told; None where only quiet tells.
        muted: what mutes it now.
        awake: whether its subscription is awake.
        over: why it is over whatever else; empty where it is not.
    """

    at: datetime
    as_of: datetime | None
    lasts: bool | None
    muted: Mute | None
    awake: bool
    over: str = ""


def orphaned(why: str) -> Care:
    """The end of an alert that nobody subscribes to any more."""
    return Care(life.resolve(SYSTEM, why), why)


def care(alert: Alert, subscription: Subscription, now: Situation) -> Care | None:
    """The next step of an open alert; None where none is due. One step at a time: the next look finds the next one."""
    ended = now.over or _ended(alert, subscription, now)
    if ended:
        return orphaned(ended)
    if (alert.muted is None) != (now.muted is None):
        return Care(life.unmute) if now.muted is None else Care(life.mute(now.muted))
    # Who is asleep, and whom nobody may disturb, hears of it later. Who acknowledged it knows.
    if alert.muted is not None or not now.awake or alert.state != "firing":
        return None
    if _to_escalate(alert, subscription, now.at):
        return Care(life.escalate)
    since = alert.told or alert.since
    if subscription.repeat_s and now.at - since >= timedelta(seconds=subscription.repeat_s):
        return Care(life.repeat)
    return None


def _ended(alert: Alert, subscription: Subscription, now: Situation) -> str:
    if now.lasts is not None:
        return "" if now.lasts else "the condition is no longer met"
    quiet = timedelta(seconds=subscription.resolve_after_s)
    if now.as_of is None or now.as_of - alert.last < quiet:
        return ""
    return f"not met again for {quiet.total_seconds():g} s"


def _to_escalate(alert: Alert, subscription: Subscription, at: datetime) -> bool:
    if subscription.escalation is None or alert.escalated is not None:
        return False
    heard = alert.heard or alert.told or alert.since
    return at - heard >= timedelta(seconds=subscription.escalation.after_s)
