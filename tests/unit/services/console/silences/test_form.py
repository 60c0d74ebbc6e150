"""A silence's form."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.forms import FormWrong, Values
from services.console.pages.silences import form
from shared.alerts.records import Silence

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 12, 30, 15, tzinfo=UTC)
BLANK = form.blank("munich", NOW, BERLIN)


def read(values: Values) -> Silence:
    """As Kim sends it."""
    return form.read(values, "s", by="key:kim", zone=BERLIN, moment=NOW)


def wrong(**changes: str | tuple[str, ...]) -> set[str]:
    """The fields at which something is said."""
    sent = {name: (value,) if isinstance(value, str) else value for name, value in changes.items()}
    with pytest.raises(FormWrong) as raised:
        read({**BLANK, **sent})
    return set(raised.value.errors)


def test_a_blank_form_silences_for_an_hour() -> None:
    """From now on, by the clock of the plant."""
    assert BLANK["begin"] == ("2026-11-24T13:30",)
    found = read(BLANK)
    assert found.begin == NOW
    assert timedelta(minutes=59) < found.end - found.begin <= timedelta(minutes=61)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"end": "2026-11-24T13:30"}, {"end"}),
        ({"end": ""}, {"end"}),
        ({"end": "2027-03-24T13:30"}, {"end"}),
        ({"begin": "2026-11-24T15:00", "end": "2026-11-24T15:00"}, {"end"}),
        ({"begin": "2026-02-31T12:00", "end": "9999-12-31T23:59"}, {"begin", "end"}),
        ({"begin": "tomorrow"}, {"begin"}),
        ({"plant": "No!"}, {"plant"}),
        ({"conditions": ("nonsense",)}, {"conditions"}),
        ({"note": "x" * 1025}, {"note"}),
    ],
)
def test_what_is_wrong_is_told_at_its_field(changes: dict[str, str], fields: set[str]) -> None:
    """All of it at once."""
    assert wrong(**changes) == fields


@given(
    st.dictionaries(st.sampled_from(["plant", "camera", "begin", "end", "conditions", "note"]), st.text(max_size=20))
)
def test_nothing_that_is_typed_breaks_it(typed: dict[str, str]) -> None:
    """It is read, or told at a field."""
    told: dict[str, str] | None = None
    try:
        found = read({**BLANK, **{name: (text,) for name, text in typed.items()}})
    except FormWrong as error:
        told = error.errors
    assert found.end > found.begin if told is None else told
