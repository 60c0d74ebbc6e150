"""Subscriptions and their deliveries as tables for people."""

from collections.abc import Iterable, Mapping

from rich.console import RenderableType
from rich.text import Text

from services.alert.cli.stores import Stores
from shared.alerts.advice import warnings
from shared.alerts.channels import Channel
from shared.alerts.condition_text import format_condition
from shared.alerts.delivery import Delivery
from shared.alerts.desk import HeldSubscription
from shared.alerts.durations import format_duration
from shared.alerts.hours_text import format_hours
from shared.cli.tables import add, moment, plain, show, table
from shared.settings import load_settings

__all__ = ["deliveries", "every", "one", "secrets", "show"]


def every(found: Iterable[HeldSubscription]) -> RenderableType:
    """One line each."""
    held = list(found)
    if not held:
        return "No subscriptions yet. `linegate subscriptions add` makes one."
    made = table("Subscriptions", "Id", "Scope", "When", "Severity", "Told by", "Hours", "Owner", "Revision")
    for one_ in held:
        record = one_.record
        told = ", ".join(f"{channel.kind} {channel.name}" for channel in record.all_channels())
        add(
            made,
            record.id if record.enabled else f"{record.id} (disabled)",
            str(record.scope),
            format_condition(record.condition),
            record.severity,
            told or "nobody: seen in the console",
            "always" if record.hours is None else format_hours(record.hours),
            record.owner,
            str(one_.revision),
        )
    return made


def one(stores: Stores, held: HeldSubscription) -> list[RenderableType]:
    """All that is known of one, and what will surprise."""
    record = held.record
    made = table(f"Subscription {record.id}, revision {held.revision}", "", "")
    rows = {
        "title": record.title or record.id,
        "scope": str(record.scope),
        "when": format_condition(record.condition),
        "severity": record.severity,
        "grouped by": ", ".join(record.group_by) or "nothing: one alert for all",
        "hours": "always" if record.hours is None else format_hours(record.hours),
        "repeated": f"after {format_duration(record.repeat_s)}" if record.repeat_s else "never",
        "over": f"{format_duration(record.resolve_after_s)} after it was last met",
        "told of the end": "yes" if record.tell_resolved else "andon lights only",
        "language": record.language,
        "enabled": "yes" if record.enabled else "no",
        "owner": record.owner,
    }
    for name, value in rows.items():
        add(made, name, value)
    kept = stores.desk.with_secrets()

    def has_secret(channel: str) -> bool:
        return f"{record.id}/{channel}" in kept

    told = warnings(record, load_settings().network, has_secret=has_secret)
    channels = [_channels(stores, held)] if record.all_channels() else []
    return [made, *channels, *(Text(f"warning: {plain(line)}", style="yellow") for line in told)]


def _channels(stores: Stores, held: HeldSubscription) -> RenderableType:
    record = held.record
    off = stores.deliveries.disabled(record.id)
    waits = {one.channel: one for one in stores.deliveries.waiting() if one.subscription == record.id}
    made = table("Channels", "Name", "Kind", "To", "Told", "Now")
    late = (
        "" if record.escalation is None else f"if nobody acknowledges in {format_duration(record.escalation.after_s)}"
    )
    for channel in record.all_channels():
        state = []
        if channel.name in off:
            state.append(f"disabled: {off[channel.name].reason}")
        if channel.name in waits:
            waiting = waits[channel.name]
            state.append(f"{waiting.messages} waiting, tried next at {moment(waiting.due)}")
        add(
            made,
            channel.name,
            channel.kind,
            _target(channel),
            "at once" if channel in record.channels else late,
            "; ".join(state),
        )
    return made


def _target(channel: Channel) -> str:
    match channel.kind:
        case "webhook":
            return channel.url
        case "email":
            return ", ".join(channel.to)
        case "mqtt":
            return channel.topic + ("" if channel.retain else " (not retained)")


def secrets(made: Mapping[str, str]) -> list[RenderableType]:
    """Secrets that were made, shown this once."""
    return [
        Text(f"secret of {plain(channel)}, shown only now: {secret}", no_wrap=True, overflow="ignore")
        for channel, secret in made.items()
    ]


def deliveries(found: Iterable[Delivery]) -> RenderableType:
    """Attempts, the latest first."""
    attempts = list(found)
    if not attempts:
        return "Nothing was delivered yet."
    made = table("Deliveries", "Time", "Channel", "Step", "Attempt", "Outcome", "Said", "Next", "Message")
    for attempt in attempts:
        add(
            made,
            moment(attempt.time),
            attempt.channel,
            f"{attempt.step} (test)" if attempt.test else attempt.step,
            str(attempt.attempt),
            f"{attempt.outcome} (kept)" if attempt.kept else attempt.outcome,
            attempt.status,
            "" if attempt.next_attempt is None else moment(attempt.next_attempt),
            attempt.message,
        )
    return made
