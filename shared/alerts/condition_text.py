"""Conditions as people write them on a command line and read them in a table: `fails=3/10m`, `fault=drift`.

Each is a name, what it needs after `=`, and what differs from the defaults, e.g. `same-region=3,radius=0.2`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from pydantic import ValidationError

from shared.alerts.conditions import CONDITIONS, Condition, FaultRaised
from shared.alerts.durations import format_duration, parse_duration
from shared.alerts.findings import findings
from shared.events import ConditionKind, FaultKind

Fields = dict[str, Any]
_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {"drift": FaultRaised.DRIFT, "rollout": ("rollout_breach",)}
"""Kinds of faults under one word."""


@dataclass(frozen=True, slots=True)
class _More:
    """A field that is written as `key=value`, where it is not as by default."""

    name: str
    read: Callable[[str], object]
    write: Callable[[Any], str]


def _number(name: str) -> _More:
    return _More(name, str, lambda value: f"{value:g}" if float(f"{value:g}") == value else repr(value))


@dataclass(frozen=True, slots=True)
class _Form:
    """How conditions of one kind are written."""

    name: str
    example: str
    read: Callable[[str], Fields]
    """Of what stands after `=`; empty where nothing does."""
    write: Callable[[Any], str]
    more: Mapping[str, _More] = field(default_factory=dict)


def parse_condition(text: str) -> Condition:
    """A condition.

    Raises:
        ValueError: it is not understood; one line.
    """
    name, _, value = text.strip().partition("=")
    kind, form = next(((kind, form) for kind, form in _FORMS.items() if form.name == name.split(",")[0]), (None, None))
    if kind is None or form is None:
        raise ValueError(f"{text!r} is no condition: one of {', '.join(form.example for form in _FORMS.values())}")
    first, *more = (text.strip().removeprefix(form.name).removeprefix("=")).split(",") if form.more else [value]
    try:
        fields = form.read(first)
        for one in more:
            fields |= _read_more(form, one)
        condition: Any = CONDITIONS[kind].model_validate(fields)
    except ValidationError as error:
        raise ValueError(f"{text!r} is no condition: {findings(error)[0]}") from None
    except ValueError as error:
        told = str(error)
        hint = "" if "write e.g." in told else f"; write e.g. {form.example}"
        raise ValueError(f"{text!r} is no condition: {told}{hint}") from None
    found: Condition = condition
    return found


def _read_more(form: _Form, text: str) -> Fields:
    key, _, told = text.partition("=")
    if key not in form.more or not told:
        raise ValueError(f"{text!r} is none of {', '.join(f'{key}=…' for key in form.more)}")
    return {form.more[key].name: form.more[key].read(told)}


def format_condition(condition: Condition) -> str:
    """What `parse_condition` reads as the same condition."""
    form = _FORMS[condition.kind]
    value = form.write(condition)
    defaults = type(condition).model_fields
    more = [
        f"{key}={one.write(getattr(condition, one.name))}"
        for key, one in form.more.items()
        if getattr(condition, one.name) != defaults[one.name].default
    ]
    return ",".join([f"{form.name}={value}" if value else form.name, *more])


def _minutes(told: str) -> float:
    return parse_duration(told) / 60


def _hours(told: str) -> float:
    return parse_duration(told) / 3600


def _duration(minutes: float) -> str:
    # Through minutes and back a second may become one and a millionth of a millionth.
    return format_duration(round(minutes * 60, 3))


def _so_many_within(name: str) -> Callable[[str], Fields]:
    def read(told: str) -> Fields:
        count, slash, window = told.partition("/")
        if not slash:
            raise ValueError("it needs how many, and within how long")
        return {name: count, "minutes": _minutes(window)}

    return read


def _nothing(told: str) -> Fields:
    if told:
        raise ValueError("it takes no value")
    return {}


def _window(told: str) -> Fields:
    return {"minutes": _minutes(told)} if told else {}


def _needed_window(told: str) -> Fields:
    return {"minutes": _minutes(told)}


def _kinds(told: str) -> Fields:
    if told in ("", "any"):
        return {"kinds": ()}
    known = get_args(FaultKind)
    kinds: dict[str, None] = {}
    for word in told.split(","):
        if word not in _GROUPS and word not in known:
            raise ValueError(f"{word!r} is none of any, {', '.join(_GROUPS)}, {', '.join(known)}")
        kinds |= dict.fromkeys(_GROUPS.get(word, (word,)))
    return {"kinds": tuple(kinds)}


def _write_kinds(condition: FaultRaised) -> str:
    word = next((word for word, kinds in _GROUPS.items() if kinds == condition.kinds), None)
    return word or ",".join(condition.kinds) or "any"


_FORMS: Final[Mapping[ConditionKind, _Form]] = {
    "each_fail": _Form("each-fail", "each-fail", _nothing, lambda _: ""),
    "fails_in_window": _Form(
        "fails", "fails=3/10m", _so_many_within("fails"), lambda one: f"{one.fails}/{_duration(one.minutes)}"
    ),
    "fail_rate": _Form(
        "fail-rate",
        "fail-rate=1h",
        _window,
        lambda one: _duration(one.minutes),
        {
            "parts": _More("parts", str, str),
            "baseline": _number("baseline"),
            "history": _More("baseline_hours", _hours, lambda value: format_duration(round(value * 3600, 3))),
            "factor": _number("factor"),
            "confidence": _number("confidence"),
        },
    ),
    "same_region": _Form(
        "same-region",
        "same-region=3",
        lambda told: {"parts": told} if told else {},
        lambda one: str(one.parts),
        {"radius": _number("radius"), "passes": _More("passes_between", str, str)},
    ),
    "no_photos": _Form("no-photos", "no-photos=10m", _needed_window, lambda one: _duration(one.minutes)),
    "no_verdicts": _Form("no-verdicts", "no-verdicts=10m", _needed_window, lambda one: _duration(one.minutes)),
    "dead_letters": _Form(
        "dead-letters",
        "dead-letters=5/10m",
        _so_many_within("letters"),
        lambda one: f"{one.letters}/{_duration(one.minutes)}",
    ),
    "fault": _Form("fault", "fault=drift|rollout|any", _kinds, _write_kinds),
}
FORMS: Final = tuple(form.example for form in _FORMS.values())
"""An example of each."""
