"""What the options of `subscriptions add` and `edit` make of a subscription: only what is named changes. Pure."""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, Final

from shared.alerts.channels import Channel, Email, Mqtt, Webhook
from shared.alerts.condition_text import parse_condition
from shared.alerts.durations import parse_duration
from shared.alerts.hours_text import parse_hours
from shared.registry.place_key import FIELDS as PLACE_FIELDS
from shared.registry.place_key import WILDCARD, PlaceKey

NONE: Final = "none"
"""Takes away: channels, hours, escalation."""
Fields = dict[str, Any]
_AFTER_S: Final = 900.0


class NotUnderstood(ValueError):
    """An option is not understood; which, and why."""

    def __init__(self, option: str, reason: object) -> None:
        super().__init__(f"--{option.replace('_', '-')}: {reason}")


def changed(before: Fields, options: Fields, zone: str) -> Fields:
    """The fields of a subscription after the options that were given.

    Args:
        before: of the subscription as it is; empty for a new one.
        options: as they were written, by name; None where one was not given.
        zone: of the plant, for hours that name none.

    Raises:
        NotUnderstood: an option is not understood.
    """
    given = {name: value for name, value in options.items() if value is not None}
    after = before | {
        name: given[name] for name in ("title", "severity", "language", "enabled", "tell_resolved") if name in given
    }
    readers: Fields = {
        "when": ("condition", parse_condition),
        "repeat": ("repeat_s", parse_duration),
        "resolve_after": ("resolve_after_s", parse_duration),
        "hours": ("hours", lambda text: None if text == NONE else parse_hours(text, zone)),
        "group_by": ("group_by", lambda text: tuple(text.split(","))),
    }
    for option, (name, read) in readers.items():
        if option in given:
            after[name] = _read(option, read, given[option])
    if any(name in given for name in PLACE_FIELDS):
        after["scope"] = _scope(before, given)
    channels = before.get("channels", ())
    if any(name in given for name in ("webhook", "email", "mqtt")):
        after["channels"] = _channels(channels, given, "webhook", "email", "mqtt")
    escalation = _escalation(before, given)
    return after if escalation is _SAME else after | {"escalation": escalation}


def plant_of(before: Fields, options: Fields) -> str:
    """The plant that the subscription will be of."""
    scope = before.get("scope")
    return options.get("plant") or (scope.plant if isinstance(scope, PlaceKey) else WILDCARD)


def _scope(before: Fields, given: Fields) -> str:
    held = before.get("scope")
    parts = (str(held) if held is not None else "/".join(WILDCARD for _ in PLACE_FIELDS)).split("/")
    return "/".join(given.get(name, part) for name, part in zip(PLACE_FIELDS, parts, strict=True))


_SAME: Final = object()


def _escalation(before: Fields, given: Fields) -> Any:
    """The escalation afterwards; `_SAME` where nothing was said of it."""
    if given.get("escalate_after") == NONE:
        return None
    names = ("escalate_webhook", "escalate_email", "escalate_mqtt")
    if "escalate_after" not in given and not any(name in given for name in names):
        return _SAME
    held = before.get("escalation")
    after_s = _AFTER_S if held is None else held.after_s
    if "escalate_after" in given:
        after_s = _read("escalate_after", parse_duration, given["escalate_after"])
    channels = _channels(() if held is None else held.channels, given, *names, prefix="escalation-")
    if not channels:
        raise NotUnderstood("escalate_after", "nobody would be told: name --escalate-email or another channel")
    return {"after_s": after_s, "channels": channels}


def _channels(
    before: Sequence[Channel], given: Fields, webhook: str, email: str, mqtt: str, *, prefix: str = ""
) -> tuple[Channel | Fields, ...]:
    """The channels afterwards: those of a kind that is named are replaced, the names of the former ones are kept."""
    taken = {channel.name for channel in before}

    def named(kind: type[Channel], option: str, default: str) -> Iterable[tuple[str, str]]:
        old = [channel.name for channel in before if isinstance(channel, kind)]
        new = (f"{prefix}{default}{'' if number == 1 else f'-{number}'}" for number in count(1))
        free = (name for name in new if name not in taken)
        for told in given[option]:
            if told != NONE:
                yield (old.pop(0) if old else next(free)), told

    after: list[Channel | Fields] = []
    for kind, option, default in ((Webhook, webhook, "webhook"), (Email, email, "mail"), (Mqtt, mqtt, "mqtt")):
        if option not in given:
            after += [channel for channel in before if isinstance(channel, kind)]
        elif kind is Webhook:
            after += [{"kind": "webhook", "name": name, "url": url} for name, url in named(kind, option, default)]
        elif kind is Mqtt:
            after += [{"kind": "mqtt", "name": name, "topic": topic} for name, topic in named(kind, option, default)]
        elif people := [address for address in given[option] if address != NONE]:
            (name, _) = next(iter(named(kind, option, default)))
            after.append({"kind": "email", "name": name, "to": people})
    return tuple(after)


def _read(option: str, read: Any, text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise NotUnderstood(option, error) from None
