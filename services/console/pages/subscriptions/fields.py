"""The fields of a subscription's form: what each is called, how it is read, and what it takes. Pure.

A field has one sentence that says what it takes. It is also what stands beside a field that is wrong: one sentence to
translate, and it says what to do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from services.console.pages.subscriptions import numbers
from services.console.words import N_
from shared.events import ConditionKind

Kind = Literal["whole", "decimal", "percent", "kinds"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a condition."""

    name: str
    """Of the condition's record."""
    label: str
    unit: str
    takes: str
    """What it takes, one sentence."""
    kind: Kind = "decimal"
    optional: bool = False
    hint: str = ""


_MINUTES: Final = N_("A number of minutes above 0, at most 1440 (a day).")
_COUNT: Final = N_("A whole number from 1 to 10000.")
_WINDOW: Final = Field("minutes", N_("Within"), N_("minutes"), _MINUTES)
_FOR: Final = Field("minutes", N_("For at least"), N_("minutes"), _MINUTES)

CONDITION_FIELDS: Final[dict[ConditionKind, tuple[Field, ...]]] = {
    "each_fail": (),
    "fails_in_window": (Field("fails", N_("Failed parts"), N_("or more"), _COUNT, "whole"), _WINDOW),
    "fail_rate": (
        Field("minutes", N_("Window"), N_("minutes"), _MINUTES),
        Field("parts", N_("Parts in it at least"), N_("parts"), N_("A whole number from 5 to 100000."), "whole"),
        Field(
            "baseline",
            N_("Usual fail rate"),
            N_("percent"),
            N_("A percentage from 0 to below 100, or nothing."),
            "percent",
            optional=True,
            hint=N_("Nothing: what was usual in the time before."),
        ),
        Field(
            "baseline_hours",
            N_("Time before that counts as usual"),
            N_("hours"),
            N_("A number of hours above 0, at most 168 (a week), and longer than the window."),
        ),
        Field("factor", N_("Worth an alert from"), N_("times the usual rate"), N_("A number from 1 to 100.")),
        Field(
            "confidence",
            N_("Certain that it is no chance"),
            N_("percent"),
            N_("A percentage above 50 and below 100."),
            "percent",
        ),
    ),
    "same_region": (
        Field("parts", N_("Failed parts in a row"), N_("parts"), N_("A whole number from 2 to 100."), "whole"),
        Field(
            "radius",
            N_("Same place: at most this far apart"),
            N_("percent of the crop"),
            N_("A percentage above 0, at most 100."),
            "percent",
        ),
        Field(
            "passes_between",
            N_("Good parts between two that do not end the row"),
            N_("parts"),
            N_("A whole number from 0 to 100."),
            "whole",
        ),
    ),
    "no_photos": (_FOR,),
    "no_verdicts": (_FOR,),
    "dead_letters": (
        Field("letters", N_("Photos that could not be judged"), N_("or more"), _COUNT, "whole"),
        _WINDOW,
    ),
    "fault": (Field("kinds", N_("Which faults"), "", N_("Known kinds of faults; none chosen means any."), "kinds"),),
}
TAKES: Final[dict[str, str]] = {
    "id": N_("Lower-case letters, digits, dots, dashes and underscores, at most 63; or nothing: it is made."),
    "title": N_("At most 128 characters."),
    "condition": N_("One of those in the list."),
    "severity": N_("Warning, error or critical."),
    "group_by": N_("Only the condition “each failed part” can make an alert for each part."),
    "repeat": N_("A time of 7 days at most; 0 means never again."),
    "resolve_after": N_("A time above 0, of 7 days at most."),
    "escalate_after": N_("A time above 0, of 7 days at most."),
    "escalation.channels": N_("Add at least one channel, or switch escalation off."),
    "channels": N_("Eight channels at most."),
    "language": N_("English or German."),
    "hours.days": N_("At least one day."),
    "hours.begin": N_("A time of day such as 06:00."),
    "hours.end": N_("A time of day such as 14:00."),
    "hours.zone": N_("A time zone of the IANA database such as Europe/Berlin."),
    "url": N_("An address that begins with https:// or http://, without user name or password in it."),
    "to": N_("E-mail addresses such as kim@plant.example, one in a line; 50 at most."),
    "topic": N_("A topic such as andon/line-1, without the wildcards # and +."),
    "kind": N_("Webhook, e-mail or MQTT."),
}
READERS: Final[dict[Kind, Callable[[str], Any]]] = {
    "whole": numbers.whole,
    "decimal": lambda text: float(numbers.decimal(text)),
    "percent": numbers.share,
}
SHOWN: Final[dict[Kind, Callable[[Any], str]]] = {
    "whole": str,
    "decimal": numbers.shown,
    "percent": numbers.percentage,
}
