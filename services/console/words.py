"""One language: messages, numbers and times as its readers expect them, each time by the clock of its plant."""

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from datetime import date as date_of
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import NullTranslations, Translations

from shared.events import now
from shared.settings.plants import PlantsSettings

NOTHING: Final = "\N{EN DASH}"
"""Stands where there is no value."""
LOCALES: Final = Path(__file__).with_name("locales")
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch"}
"""By code, each in its own words. British English, so that clocks have 24 hours."""
_LOCALES: Final = {"en": Locale("en", "GB"), "de": Locale("de", "DE")}


def N_(message: str) -> str:  # noqa: N802 - gettext's name for "translate this, but later"
    """Mark a message for the catalogue; who shows it translates it."""
    return message


class Words:
    """How things are said in one language.

    Args:
        language: a key of `LANGUAGES`.
        plants: whose clocks times are told by.
    """

    def __init__(self, language: str, plants: PlantsSettings) -> None:
        self.language: Final = language
        self.translations: Final = _translations(language)
        self._locale: Final = _LOCALES[language]
        self._plants: Final = plants

    def _(self, message: str, **values: object) -> str:
        """A message in this language; `%(name)s` in it stands for `values["name"]`."""
        text = self.translations.gettext(message) if message else ""
        return text % values if values else text

    def ngettext(self, one: str, many: str, n: int, **values: object) -> str:
        """A message about `n` things; `%(num)s` in it is the number."""
        return self.translations.ngettext(one, many, n) % {"num": self.number(n), **values}

    def full(self, moment: datetime | None, plant: str | None = None) -> str:
        """`24 Nov 2026, 14:03:09`, by the plant's clock."""
        return NOTHING if moment is None else format_datetime(self._local(moment, plant), "medium", locale=self._locale)

    def time(self, moment: datetime | None, plant: str | None = None) -> str:
        """`14:03:09`, by the plant's clock; with the date where that is not today."""
        if moment is None:
            return NOTHING
        local = self._local(moment, plant)
        if local.date() != self._local(now(), plant).date():
            return format_datetime(local, "short", locale=self._locale)
        return format_time(local, "medium", locale=self._locale)

    def clock(self, moment: datetime, plant: str | None = None) -> str:
        """`14:03`, by the plant's clock."""
        return format_time(self._local(moment, plant), "short", locale=self._locale)

    def date(self, moment: datetime | None, plant: str | None = None) -> str:
        """`24 Nov 2026`, by the plant's calendar."""
        return NOTHING if moment is None else format_date(self._local(moment, plant), "medium", locale=self._locale)

    def day(self, day: date_of) -> str:
        """`24/11/2026`."""
        return format_date(day, "short", locale=self._locale)

    def short(self, moment: datetime, plant: str | None = None) -> str:
        """`24/11/2026, 14:03`, by the plant's clock."""
        return format_datetime(self._local(moment, plant), "short", locale=self._locale)

    def ago(self, moment: datetime | None) -> str:
        """`5 minutes ago`."""
        if moment is None:
            return NOTHING
        delta = moment - now()
        if abs(delta) < timedelta(seconds=5):
            return self._("just now")
        return format_timedelta(delta, add_direction=True, locale=self._locale)

    def duration(self, seconds: float | None) -> str:
        """`3 minutes`; less than ten seconds as `140 ms` or `2.3 s`."""
        if seconds is None:
            return NOTHING
        if seconds < 1:
            return f"{self.number(seconds * 1000, 0)} ms"
        if seconds < 10:
            return f"{self.number(seconds, 1)} s"
        return format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=self._locale)

    def number(self, value: float | None, digits: int | None = None) -> str:
        """`1,234.5`; with exactly `digits` behind the point where that is given, else three at most."""
        if value is None:
            return NOTHING
        pattern = "#,##0.###" if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
        return format_decimal(value, pattern, locale=self._locale)

    def percent(self, share: float | None, digits: int = 1) -> str:
        """`1.5 %` of a share between 0 and 1."""
        if share is None:
            return NOTHING
        behind = "." + "0" * digits if digits else ""
        return format_percent(share, f"#,##0{behind}\N{NO-BREAK SPACE}%", locale=self._locale)

    def plant(self, plant: str) -> str:
        """A plant's name for people."""
        return self._plants.of(plant).title or plant

    def zone(self, plant: str | None) -> ZoneInfo:
        """The time zone of a plant; that of plants without a name of their own where it is None."""
        return ZoneInfo(self._plants.zone if plant is None else self._plants.of(plant).zone)

    def _local(self, moment: datetime, plant: str | None) -> datetime:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(self.zone(plant))


def pick_language(cookie: str | None, accept: str | None, default: str) -> str:
    """The language of a visitor: what they chose, else the first of their browser's (RFC 9110, 12.5.4) that there is.

    Args:
        cookie: what they chose; anything.
        accept: the header `Accept-Language`; anything.
        default: where neither says so.
    """
    if cookie is not None and cookie in LANGUAGES:
        return cookie
    wanted: list[tuple[float, str]] = []
    for item in (accept or "")[:512].split(","):
        tag, _, weight = item.strip().partition(";q=")
        try:
            wanted.append((float(weight or 1), tag.split("-")[0].lower()))
        except ValueError:
            continue
    # `max` takes the first one among equals.
    taken = [(weight, code) for weight, code in wanted if weight > 0 and code in LANGUAGES]
    return max(taken, key=lambda one: one[0])[1] if taken else default


def _translations(language: str) -> NullTranslations:
    """All catalogues of a language as one: each page brings its own file."""
    found: NullTranslations = NullTranslations()
    for path in sorted((LOCALES / language).glob("*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        one = Translations(compiled)
        if isinstance(found, Translations):
            found.add(one)
        else:
            found = one
    return found
