"""The values of a form as a subscription, or what is wrong with each field. Pure."""

import re
from datetime import time
from typing import Any, Final

from pydantic import ValidationError

from services.console.forms import Errors, FormWrong, Values, one
from services.console.pages.subscriptions import numbers
from services.console.pages.subscriptions.fields import CONDITION_FIELDS, READERS, TAKES, Field
from services.console.pages.subscriptions.scope_form import read_scope
from shared.alerts.subscription import Subscription
from shared.registry.place_key import PlaceKey

_CLOCK: Final = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?", re.ASCII)
_SEPARATORS: Final = re.compile(r"[\s,;]+")
_RENAMED: Final = {"repeat_s": "repeat", "resolve_after_s": "resolve_after", "after_s": "escalate_after"}


def read(values: Values) -> Subscription:
    """The subscription that a form describes. Its owner is whoever saves it: not here.

    Raises:
        FormWrong: something is wrong; then all that is wrong is told.
    """
    reader = _Reader(values)
    data = reader.data()
    try:
        record = Subscription.model_validate(data)
    except ValidationError as error:
        found_at = error.errors(include_url=False, include_input=False)
        for found in found_at:
            if found["type"] == "too_short" and any(_under(other["loc"], found["loc"]) for other in found_at):
                continue  # pydantic counts only those that are right
            reader.wrong(*reader.place(found["loc"], found["msg"]))
        raise FormWrong(reader.errors) from None
    if reader.errors:
        raise FormWrong(reader.errors)
    return record


class _Reader:
    """Reads one form and collects what is wrong."""

    def __init__(self, values: Values) -> None:
        self._values: Final = values
        self.errors: Final[Errors] = {}

    def wrong(self, field: str, sentence: str) -> None:
        """Note what is wrong; what was noted of a field first, stays."""
        self.errors.setdefault(field, sentence)

    def data(self) -> dict[str, Any]:
        """The record, as far as the fields could be read."""
        kind = self._one("condition")
        group_by = self._values.get("group_by", ())
        if "part" in group_by and kind != "each_fail":
            self.wrong("group_by", TAKES["group_by"])
            group_by = tuple(name for name in group_by if name != "part")
        return {
            "id": self._one("id"),
            "title": self._one("title"),
            "scope": self._scope(),
            "condition": self._condition(kind),
            "severity": self._one("severity"),
            "channels": self._channels("channels"),
            "group_by": group_by,
            "hours": self._hours() if "hours" in self._values else None,
            "language": self._one("language"),
            "tell_resolved": "tell_resolved" in self._values,
            "enabled": "enabled" in self._values,
            **self._span("repeat", "repeat_s"),
            **self._span("resolve_after", "resolve_after_s"),
            "escalation": self._escalation() if "escalation" in self._values else None,
        }

    def place(self, where: tuple[int | str, ...], message: str) -> tuple[str, str]:  # noqa: PLR0911 - a table
        """The field of a fault that pydantic found, and what to say."""
        match where:
            case ("condition", str(kind), str(name), *_):
                return f"{kind}.{name}", _field(kind, name).takes
            case ("condition", str(kind)):
                # The only rule between two fields of a condition.
                return f"{kind}.baseline_hours", _field(kind, "baseline_hours").takes
            case ("channels", int(at), _, str(name), *_):
                return f"channel.{self._values['channels'][at]}.{name}", TAKES.get(name, message)
            case ("channels", int(at), *_):
                return f"channel.{self._values['channels'][at]}.kind", TAKES["kind"]
            case ("escalation", "channels", int(at), _, str(name), *_):
                return f"channel.{self._values['escalation.channels'][at]}.{name}", TAKES.get(name, message)
            case ("escalation", "channels", *_):
                return "escalation.channels", TAKES["escalation.channels"]
            case ("escalation", "after_s"):
                return "escalate_after", TAKES["escalate_after"]
            case ("hours", str(name), *_):
                return f"hours.{name}", TAKES[f"hours.{name}"]
            case (str(name), *_):
                field = _RENAMED.get(name, name)
                return field, TAKES.get(field, message)
            case _:
                return "", message.removeprefix("Value error, ")

    def _one(self, name: str) -> str:
        return one(self._values, name)

    def _scope(self) -> PlaceKey:
        scope, errors = read_scope(self._values)
        for name, sentence in errors.items():
            self.wrong(name, sentence)
        return scope

    def _condition(self, kind: str) -> dict[str, Any]:
        data: dict[str, Any] = {"kind": kind}
        for field in CONDITION_FIELDS.get(kind, ()):  # type: ignore[call-overload]  # an unknown one is pydantic's to tell
            name = f"{kind}.{field.name}"
            if field.kind == "kinds":
                data[field.name] = self._values.get(name, ())
            elif (text := self._one(name)) or not field.optional:
                try:
                    data[field.name] = READERS[field.kind](text)
                except ValueError:
                    self.wrong(name, field.takes)
        return data

    def _channels(self, where: str) -> list[dict[str, Any]]:
        return [self._channel(name) for name in self._values.get(where, ())]

    def _channel(self, name: str) -> dict[str, Any]:
        named = f"channel.{name}."
        kind = self._one(named + "kind")
        data: dict[str, Any] = {"kind": kind, "name": name}
        match kind:
            case "webhook":
                data["url"] = self._one(named + "url")
            case "email":
                data["to"] = tuple(filter(None, _SEPARATORS.split(self._one(named + "to"))))
            case "mqtt":
                data["topic"] = self._one(named + "topic")
                data["retain"] = bool(self._one(named + "retain"))
        return data

    def _hours(self) -> dict[str, Any]:
        data: dict[str, Any] = {"days": self._values.get("hours.days", ()), "zone": self._one("hours.zone")}
        for name in ("begin", "end"):
            try:
                data[name] = _clock(self._one(f"hours.{name}"))
            except ValueError:
                self.wrong(f"hours.{name}", TAKES[f"hours.{name}"])
        return data

    def _span(self, name: str, field: str) -> dict[str, float]:
        try:
            return {field: numbers.seconds(self._one(name), self._one(f"{name}.unit"))}
        except ValueError:
            self.wrong(name, TAKES[name])
            return {}

    def _escalation(self) -> dict[str, Any]:
        return {**self._span("escalate_after", "after_s"), "channels": self._channels("escalation.channels")}


def _clock(text: str) -> time:
    # What `fromisoformat` takes beyond this, e.g. an offset from UTC, is no time on a clock.
    if not _CLOCK.fullmatch(text):
        raise ValueError(f"{text!r} is no time of day")
    return time.fromisoformat(text)


def _under(inner: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _field(kind: str, name: str) -> Field:
    return next(field for field in CONDITION_FIELDS[kind] if field.name == name)  # type: ignore[index]  # pydantic named it
