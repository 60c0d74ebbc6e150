"""The life of an alert: what follows from what. Pure; `AlertBook` keeps it.

The terms are Alertmanager's (prometheus.io/docs/alerting/latest/alertmanager): grouping, repeat interval, silences,
inhibition. Acknowledging and escalating are what its users add by other tools.
"""

from collections.abc import Callable
from datetime import datetime

from shared.alerts.errors import AlertClosed, AlreadyAcknowledged
from shared.alerts.records import EVIDENCE_KEPT, SYSTEM, Alert, Group, Trigger
from shared.alerts.subscription import Subscription
from shared.events import AlertStep, Mute, derived_event_id

Step = tuple[Alert, AlertStep | None]
"""The alert afterwards, and which step that was; None where it is not worth an event."""
Life = Callable[[Alert, datetime], Step]
"""One step of an open alert at a moment.

Raises:
    AlertError: it does not follow.
"""


def key_of(subscription: Subscription, group: Group) -> str:
    """The dedupe key: at most one alert of it is open."""
    return f"{subscription.id}|{group}"


def fire(subscription: Subscription, trigger: Trigger, *, muted: Mute | None, at: datetime) -> Alert:
    """A new alert."""
    key = key_of(subscription, trigger.group)
    return Alert(
        id=derived_event_id(f"{key}|{trigger.id}|{at.timestamp()}", "alert"),
        key=key,
        subscription=subscription.id,
        title=subscription.title,
        condition=subscription.condition.kind,
        severity=subscription.severity,
        group=trigger.group,
        summary=trigger.summary,
        muted=muted,
        since=at,
        last=at,
        told=None if muted else at,
        heard=None if muted else at,
        evidence=trigger.evidence[:EVIDENCE_KEPT],
    )


def join(alert: Alert, trigger: Trigger, *, at: datetime) -> Alert:
    """The condition was met again: the open alert counts it, nobody is told anew."""
    seen = {one.image for one in trigger.evidence}
    older = tuple(one for one in alert.evidence if one.image not in seen)
    update = {
        "count": alert.count + 1,
        "last": at,
        "summary": trigger.summary,
        "evidence": (*trigger.evidence, *older)[:EVIDENCE_KEPT],
    }
    return alert.model_copy(update=update)


def acknowledge(by: str, note: str = "") -> Life:
    """A person takes care of it. The first one wins: the second is told who that was."""

    def step(alert: Alert, at: datetime) -> Step:
        _must_be_open(alert)
        if alert.state == "acknowledged" and alert.acknowledged is not None:
            raise AlreadyAcknowledged(alert.acknowledged_by or SYSTEM, alert.acknowledged)
        update = {"state": "acknowledged", "acknowledged_by": by, "acknowledged": at, "note": note or alert.note}
        return _next(alert, update), "acknowledged"

    return step


def resolve(by: str = SYSTEM, note: str = "") -> Life:
    """It is over: a person says so, or its condition was not met for long enough."""

    def step(alert: Alert, at: datetime) -> Step:
        _must_be_open(alert)
        update = {"state": "resolved", "resolved_by": by, "resolved": at, "note": note or alert.note}
        return _next(alert, update), "resolved"

    return step


def repeat(alert: Alert, at: datetime) -> Step:
    """It lasts: tell again."""
    _must_be_open(alert)
    return _next(alert, {"told": at}), "repeated"


def escalate(alert: Alert, at: datetime) -> Step:
    """Nobody acknowledged it in time: tell others."""
    _must_be_open(alert)
    return _next(alert, {"escalated": at}), "escalated"


def mute(by: Mute) -> Life:
    """Keep its messages back from now on."""

    def step(alert: Alert, _at: datetime) -> Step:
        _must_be_open(alert)
        return _next(alert, {"muted": by}), "muted"

    return step


def unmute(alert: Alert, at: datetime) -> Step:
    """No longer keep its messages back; channels that never heard of it are told now."""
    _must_be_open(alert)
    return _next(alert, {"muted": None, "told": alert.told or at, "heard": alert.heard or at}), "unmuted"


def _next(alert: Alert, update: dict[str, object]) -> Alert:
    return alert.model_copy(update={**update, "steps": alert.steps + 1})


def _must_be_open(alert: Alert) -> None:
    if not alert.open:
        raise AlertClosed(alert.resolved_by or SYSTEM, alert.resolved)
