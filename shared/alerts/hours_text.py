"""Active hours as people write them: `mon-fri 06:00-14:00 Europe/Berlin`."""

import re
from datetime import time
from typing import Any, Final

from pydantic import ValidationError

from shared.alerts.findings import findings
from shared.alerts.hours import WEEK, ActiveHours, Weekday

_TIMES: Final = re.compile(r"([0-9:.]+)-([0-9:.]+)", re.ASCII)
_DAYS: Final = re.compile(r"[a-z]{3}(?:-[a-z]{3})?(?:,[a-z]{3}(?:-[a-z]{3})?)*")
_HINT: Final = "write e.g. `mon-fri 06:00-14:00 Europe/Berlin`"


def parse_hours(text: str, zone: str = "UTC") -> ActiveHours:
    """Days, times and zone, in this order. Without days it is every day, without times the whole day.

    Args:
        text: what was written.
        zone: where it names none.

    Raises:
        ValueError: it is not understood; one line.
    """
    words, fields = text.split(), dict[str, Any](zone=zone)
    if words and _DAYS.fullmatch(words[0].lower()):
        fields["days"] = _days(words.pop(0).lower())
    if words and (times := _TIMES.fullmatch(words[0])):
        fields["begin"], fields["end"] = (_clock(told) for told in times.groups())
        del words[0]
    if words:
        fields["zone"] = words.pop(0)
    if words or not text.strip():
        raise ValueError(f"{text!r} are no hours: {_HINT}")
    try:
        return ActiveHours.model_validate(fields)
    except ValidationError as error:
        raise ValueError(f"{text!r} are no hours: {findings(error)[0].message}; {_HINT}") from None


def format_hours(hours: ActiveHours) -> str:
    """What `parse_hours` reads as the same hours."""
    days = "" if set(hours.days) == set(WEEK) else f"{_format_days(hours)} "
    return f"{days}{_format_clock(hours.begin)}-{_format_clock(hours.end)} {hours.zone}"


def _days(told: str) -> tuple[Weekday, ...]:
    chosen: set[int] = set()
    for span in told.split(","):
        ends = span.split("-")
        for name in ends:
            if name not in WEEK:
                raise ValueError(f"{name!r} is no day: one of {', '.join(WEEK)}")
        first, last = (WEEK.index(name) for name in (ends[0], ends[-1]))
        chosen |= {day % 7 for day in range(first, last + (1 if first <= last else 8))}
    return tuple(day for number, day in enumerate(WEEK) if number in chosen)


def _clock(told: str) -> time:
    if told == "24:00":
        return time(0, 0)
    wrong = f"{told!r} is no time of day: write e.g. 06:00"
    if ":" not in told:
        raise ValueError(wrong)
    try:
        return time.fromisoformat(told.zfill(5))
    except ValueError:
        raise ValueError(wrong) from None


def _format_clock(clock: time) -> str:
    return clock.isoformat("minutes" if clock.second == clock.microsecond == 0 else "auto")


def _format_days(hours: ActiveHours) -> str:
    numbers = sorted({WEEK.index(day) for day in hours.days})
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ",".join(
        f"{WEEK[span[0]]}-{WEEK[span[-1]]}" if len(span) > 2 else ",".join(WEEK[day] for day in span) for span in spans
    )
