"""Names of time zones, as settings and subscriptions have them."""

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator


def _known(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no time zone of the IANA database, e.g. Europe/Berlin")
    return name


TimeZone = Annotated[str, AfterValidator(_known)]
"""A name of the IANA time zone database."""
