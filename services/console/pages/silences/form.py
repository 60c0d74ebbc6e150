"""A silence and its form. Pure."""

import re
from datetime import datetime, timedelta
from typing import Final, get_args
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from services.console.forms import Errors, FormWrong, Values, one
from services.console.pages.subscriptions.scope_form import read_scope
from services.console.words import N_
from shared.alerts.records import Silence
from shared.events import ConditionKind

LONGEST: Final = timedelta(days=90)
"""A silence that is meant for longer is a subscription to be switched off."""
_LOCAL: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?", re.ASCII)
_MOMENT: Final = N_("A date and a time.")
_END: Final = N_("Later than the beginning and than now, and 90 days after the beginning at most.")


def blank(plant: str, moment: datetime, zone: ZoneInfo) -> Values:
    """The form of a new silence: of a plant (empty for all), from now on for an hour."""
    return {
        "plant": (plant,),
        "begin": (typed(moment, zone),),
        "end": (typed(moment + timedelta(hours=1, minutes=1), zone),),
    }


def typed(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as `<input type=datetime-local>` has it: by a zone's clock, without saying so."""
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"


def read(values: Values, name: str, *, by: str, zone: ZoneInfo, moment: datetime) -> Silence:
    """The silence that a form describes.

    Args:
        values: the form.
        name: the silence's id.
        by: who makes it.
        zone: by whose clock times are meant.
        moment: the present; a silence that begins earlier begins now.

    Raises:
        FormWrong: something is wrong; then all that is wrong is told.
    """
    scope, errors = read_scope(values)
    kinds = values.get("conditions", ())
    if not set(kinds) <= set(get_args(ConditionKind)):
        errors["conditions"] = N_("Only those in the list.")
    begin = moment if not one(values, "begin") else _moment(values, "begin", zone, errors)
    end = _moment(values, "end", zone, errors)
    if begin is not None and end is not None:
        begin = max(begin, moment)
        if not begin < end <= begin + LONGEST:
            errors["end"] = _END
    if errors or begin is None or end is None:
        raise FormWrong(errors)
    try:
        return Silence.model_validate(
            {
                "id": name,
                "scope": scope,
                "conditions": kinds,
                "begin": begin,
                "end": end,
                "by": by,
                "note": one(values, "note"),
            }
        )
    except ValidationError:
        # All else was looked at.
        raise FormWrong({"note": N_("At most 1024 characters.")}) from None


def _moment(values: Values, name: str, zone: ZoneInfo, errors: Errors) -> datetime | None:
    text = one(values, name)
    try:
        # Years at the ends of the calendar cannot be told in every zone.
        if _LOCAL.fullmatch(text) and 1970 <= int(text[:4]) <= 9000:
            return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        pass  # the 31st of February
    errors[name] = _MOMENT
    return None
