"""A subscription as the values of its form's fields, and changes of the form that are no save. Pure.

Fields are named as an HTML form sends them, each with the values it had: `title`, `plant`, `condition`,
`fail_rate.minutes` (a field of a condition), `channels` (the names of the channels, in order), `channel.hook.url` (a
field of a channel), `hours.begin` and so on. A field of a channel is addressed by the channel's name, so that adding
and removing others leaves it alone.
"""

from collections.abc import Iterable
from datetime import time
from typing import Final, Literal

from services.console.forms import ON, Values
from services.console.pages.subscriptions import numbers
from services.console.pages.subscriptions.fields import CONDITION_FIELDS, SHOWN
from services.console.pages.subscriptions.scope_form import scope_values
from shared.alerts.channels import Channel
from shared.alerts.conditions import CONDITIONS, Condition, FailsInWindow
from shared.alerts.hours import ActiveHours
from shared.alerts.subscription import Subscription
from shared.events import ConditionKind
from shared.events.base import Model
from shared.registry.place_key import PlaceKey

Where = Literal["channels", "escalation.channels"]
NAMES: Final = {"webhook": "webhook", "email": "mail", "mqtt": "light"}
"""What the first channel of a kind is called."""


def values_of(record: Subscription) -> Values:
    """The form of a subscription."""
    values: Values = {
        "id": (record.id,),
        "title": (record.title,),
        **scope_values(record.scope),
        "condition": (record.condition.kind,),
        "severity": (record.severity,),
        "group_by": record.group_by,
        "resolve_after": numbers.span(record.resolve_after_s)[:1],
        "resolve_after.unit": numbers.span(record.resolve_after_s)[1:],
        "repeat": numbers.span(record.repeat_s)[:1],
        "repeat.unit": numbers.span(record.repeat_s)[1:],
        "language": (record.language,),
        **_hours(record.hours),
        **_condition(record.condition),
        **_channels("channels", record.channels),
    }
    if record.hours is not None:
        values["hours"] = ON
    if record.tell_resolved:
        values["tell_resolved"] = ON
    if record.enabled:
        values["enabled"] = ON
    after = 900.0
    if record.escalation is not None:
        values["escalation"] = ON
        values |= _channels("escalation.channels", record.escalation.channels)
        after = record.escalation.after_s
    values["escalate_after"], values["escalate_after.unit"] = numbers.span(after)[:1], numbers.span(after)[1:]
    return values


def blank(plant: str, zone: str, language: str = "en") -> Values:
    """The form of a new subscription at a plant (`*` for all)."""
    record = Subscription(id="new", scope=PlaceKey(plant), condition=FailsInWindow())
    changed: Values = {"id": (), "language": (language,), "hours.zone": (zone,)}
    return {**values_of(record), **changed, "hours.begin": ("06:00",), "hours.end": ("14:00",)}


def copied(values: Values, title: str) -> Values:
    """The form of a new subscription like another one."""
    return {**values, "id": (), "title": (title,)}


def with_defaults(values: Values, kind: str) -> Values:
    """The form with every field of a condition: as it was typed, else as it is by default."""
    defaults = _condition(CONDITIONS[kind]()) if kind in CONDITIONS else {}
    return {**defaults, **values}


def add_channel(values: Values, where: Where, kind: str, taken: Iterable[str] = ()) -> Values:
    """The form with one more channel.

    Args:
        values: the form.
        where: in which list.
        kind: which kind.
        taken: names that it must not get, e.g. of channels that were removed just now: secrets are kept by name.
    """
    if kind not in NAMES:
        return values
    names = {*taken, *values.get("channels", ()), *values.get("escalation.channels", ())}
    name, count = NAMES[kind], 1
    while name in names:
        count += 1
        name = f"{NAMES[kind]}-{count}"
    added: Values = {where: (*values.get(where, ()), name), f"channel.{name}.kind": (kind,)}
    if kind == "mqtt":
        added[f"channel.{name}.retain"] = ON
    return {**values, **added}


def remove_channel(values: Values, name: str) -> Values:
    """The form without a channel."""
    kept = {field: sent for field, sent in values.items() if not field.startswith(f"channel.{name}.")}
    for where in ("channels", "escalation.channels"):
        kept[where] = tuple(other for other in values.get(where, ()) if other != name)
    return kept


def _condition(condition: Condition | Model) -> Values:
    kind: ConditionKind = condition.kind  # type: ignore[union-attr]  # every condition has its kind
    values: Values = {}
    for field in CONDITION_FIELDS[kind]:
        held = getattr(condition, field.name)
        if field.kind == "kinds":
            values[f"{kind}.{field.name}"] = tuple(held)
        else:
            values[f"{kind}.{field.name}"] = () if held is None else (SHOWN[field.kind](held),)
    return values


def _hours(hours: ActiveHours | None) -> Values:
    hours = hours or ActiveHours()
    return {
        "hours.days": hours.days,
        "hours.begin": (_clock(hours.begin),),
        "hours.end": (_clock(hours.end),),
        "hours.zone": (hours.zone,),
    }


def _clock(moment: time) -> str:
    return moment.isoformat("minutes" if moment.second == moment.microsecond == 0 else "auto")


def _channels(where: Where, channels: tuple[Channel, ...]) -> Values:
    values: Values = {where: tuple(channel.name for channel in channels)}
    for channel in channels:
        named = f"channel.{channel.name}."
        values[named + "kind"] = (channel.kind,)
        match channel.kind:
            case "webhook":
                values[named + "url"] = (channel.url,)
            case "email":
                values[named + "to"] = ("\n".join(channel.to),)
            case "mqtt":
                values[named + "topic"] = (channel.topic,)
                values[named + "retain"] = ON if channel.retain else ()
    return values
