"""Both languages are whole, and say times and numbers as their readers expect them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.catalogue import catalogue, messages, missing
from services.console.words import LANGUAGES, LOCALES, NOTHING, Words, pick_language
from shared.events import now
from tests.unit.services.console.parts import PLANTS

SUMMER = datetime(2026, 7, 1, 21, 30, tzinfo=UTC)


@pytest.fixture(scope="module", params=list(LANGUAGES))
def words(request: pytest.FixtureRequest) -> Words:
    """Each language."""
    return Words(request.param, PLANTS)


def test_every_message_is_translated() -> None:
    """`python -m services.console.catalogue` writes what is missing into the catalogues."""
    assert len(messages()) > 2
    assert missing("de") == []


def test_no_translation_is_of_something_unsaid() -> None:
    """What is no longer said is not kept."""
    said = {entry.id for one in messages().values() for entry in one if entry.id}
    held = {entry.id for path in (LOCALES / "de").glob("*.po") for entry in catalogue("de", path.stem) if entry.id}
    assert held <= said


def test_translations_have_the_same_holes() -> None:
    """A hole that is misspelt would be an error on the page."""
    hole = re.compile(r"%\(\w+\)s|%%")
    for path in (LOCALES / "de").glob("*.po"):
        for entry in catalogue("de", path.stem):
            if not entry.id:
                continue
            asked = entry.id if isinstance(entry.id, str) else entry.id[-1]
            for said in (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())[-1:]:
                assert sorted(set(hole.findall(said))) == sorted(set(hole.findall(asked))), entry.id


def test_times_are_told_by_the_clock_of_the_plant() -> None:
    """In each language's own way; where no plant is meant, by the default zone."""
    english, german = Words("en", PLANTS), Words("de", PLANTS)
    assert english.full(SUMMER, "munich") == "1 Jul 2026, 23:30:00"
    assert german.full(SUMMER, "munich") == "01.07.2026, 23:30:00"
    assert english.clock(SUMMER, "munich") == "23:30"
    assert english.clock(SUMMER) == "21:30"
    assert english.date(SUMMER + timedelta(hours=1), "munich") == "2 Jul 2026"


def test_a_time_of_another_day_has_its_date(words: Words) -> None:
    """Else yesterday's looks like today's."""
    assert words.time(SUMMER, "munich") != words.time(SUMMER + timedelta(days=1), "munich")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", words.time(now(), None))


def test_numbers_and_durations() -> None:
    """Decimal signs, shares, and times from milliseconds to minutes."""
    english, german = Words("en", PLANTS), Words("de", PLANTS)
    assert (english.number(1234.5), german.number(1234.5)) == ("1,234.5", "1.234,5")
    assert (english.number(2, 2), german.number(2, 2)) == ("2.00", "2,00")
    assert english.percent(0.0234) == "2.3\N{NO-BREAK SPACE}%"
    assert english.percent(0.5, 0) == "50\N{NO-BREAK SPACE}%"
    assert (english.duration(0.1404), german.duration(2.34)) == ("140 ms", "2,3 s")
    assert (english.duration(180), german.duration(180)) == ("3 minutes", "3 Minuten")
    assert english.ngettext("%(num)s fail", "%(num)s fails", 1200) == "1,200 fails"


def test_where_there_is_nothing(words: Words) -> None:
    """A dash, in every filter."""
    assert {words.full(None), words.time(None), words.date(None), words.ago(None)} == {NOTHING}
    assert {words.duration(None), words.number(None), words.percent(None)} == {NOTHING}


def test_ago() -> None:
    """In words."""
    english, german = Words("en", PLANTS), Words("de", PLANTS)
    assert english.ago(now() - timedelta(minutes=5)) == "5 minutes ago"
    assert german.ago(now() - timedelta(minutes=5)) == "vor 5 Minuten"
    assert english.ago(now() + timedelta(seconds=1)) == "just now"


@pytest.mark.parametrize(
    ("cookie", "accept", "wanted"),
    [
        (None, None, "en"),
        ("de", "en", "de"),
        ("xx", "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "fr, de;q=0.5, en;q=0.9", "en"),
        (None, "fr, de;q=0, es", "en"),
        (None, "de;q=1.0;en", "en"),
    ],
)
def test_the_language_of_a_visitor(cookie: str | None, accept: str | None, wanted: str) -> None:
    """What they chose, else what their browser asks for."""
    assert pick_language(cookie, accept, "en") == wanted


@given(st.text() | st.none(), st.text() | st.none())
def test_no_header_is_too_odd(cookie: str | None, accept: str | None) -> None:
    """Some language there always is."""
    assert pick_language(cookie, accept, "en") in LANGUAGES
