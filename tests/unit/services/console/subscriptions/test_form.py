"""A subscription's form: what is read from it, and what it says of what is wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.console.forms import Errors, FormWrong, Values, one
from services.console.pages.subscriptions import numbers
from services.console.pages.subscriptions.read import read
from services.console.pages.subscriptions.values import (
    add_channel,
    blank,
    copied,
    remove_channel,
    values_of,
    with_defaults,
)
from shared.alerts.conditions import CONDITIONS, FailRate, NoPhotos
from shared.alerts.subscription import Subscription
from tests.unit.services.console.subscriptions.made import subscriptions


def form(**changes: str | tuple[str, ...] | None) -> Values:
    """A form that is right but for some fields; `__` stands for the point in a field's name, None for not sent."""
    values = {**blank("munich", "Europe/Berlin"), "id": ("fails",)}
    for name, sent in changes.items():
        field = name.replace("__", ".")
        values.pop(field, None)
        if sent is not None:
            values[field] = (sent,) if isinstance(sent, str) else sent
    return values


def wrong(values: Values) -> set[str]:
    """The fields at which something is said."""
    with pytest.raises(FormWrong) as raised:
        read(values)
    assert all(raised.value.errors.values())
    return set(raised.value.errors)


@given(subscriptions())
def test_a_subscription_comes_back_from_its_form(record: Subscription) -> None:
    """Whoever opens the editor and saves changes nothing."""
    assert read(values_of(record)) == record.model_copy(update={"owner": "unknown"})


@given(subscriptions(), st.data())
@settings(max_examples=40)
def test_any_text_in_a_field_is_read_or_told_at_a_field(record: Subscription, data: st.DataObject) -> None:
    """Nothing that is typed breaks the form, and what is wrong has a place."""
    values = values_of(record)
    field = data.draw(st.sampled_from(sorted(values)))
    values[field] = (data.draw(st.text(max_size=30)),)
    told: Errors | None = None
    try:
        found = read(values)
    except FormWrong as error:
        told = error.errors
    assert isinstance(found, Subscription) if told is None else (told and all(told.values()))


def test_a_blank_form_is_a_fair_start() -> None:
    """Only the id is missing, and that is made from the title."""
    assert wrong(blank("munich", "Europe/Berlin")) == {"id"}
    assert str(read(form()).scope) == "munich/*/*/*/*"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"condition": "no_photos", "no_photos__minutes": "0"}, {"no_photos.minutes"}),
        ({"condition": "no_photos", "no_photos__minutes": "1441"}, {"no_photos.minutes"}),
        ({"condition": "no_photos", "no_photos__minutes": "soon"}, {"no_photos.minutes"}),
        ({"condition": "no_photos", "no_photos__minutes": None}, {"no_photos.minutes"}),
        ({"condition": "no_photos", "no_photos__minutes": "9" * 18}, {"no_photos.minutes"}),
        ({"condition": "no_photos", "no_photos__minutes": "1e999"}, {"no_photos.minutes"}),
        ({"condition": "nonsense"}, {"condition"}),
        ({"fails_in_window__fails": "2.5"}, {"fails_in_window.fails"}),
        ({"fails_in_window__fails": "0"}, {"fails_in_window.fails"}),
        ({"plant": "Munich!"}, {"plant"}),
        ({"line": "a/b", "camera": "phone"}, {"line", "camera"}),
        ({"severity": "dire"}, {"severity"}),
        ({"group_by": ("plant", "part")}, {"group_by"}),
        ({"repeat": "8", "repeat__unit": "d"}, {"repeat"}),
        ({"repeat": "1", "repeat__unit": "years"}, {"repeat"}),
        ({"resolve_after": "0"}, {"resolve_after"}),
        ({"title": "x" * 129}, {"title"}),
        ({"id": "My Alerts"}, {"id"}),
        ({"language": "fr"}, {"language"}),
        ({"hours": "on", "hours__zone": "Europe/Munich"}, {"hours.zone"}),
        ({"hours": "on", "hours__days": None}, {"hours.days"}),
        ({"hours": "on", "hours__begin": "25:00", "hours__end": "6"}, {"hours.begin", "hours.end"}),
        ({"hours": "on", "hours__begin": "06:00+01:00"}, {"hours.begin"}),
        ({"escalation": "on"}, {"escalation.channels"}),
        ({"escalation": "on", "escalate_after": "-1"}, {"escalate_after", "escalation.channels"}),
    ],
)
def test_what_is_wrong_is_told_at_its_field(changes: dict[str, str], fields: set[str]) -> None:
    """All of it at once, each at its place."""
    assert wrong(form(**changes)) == fields


def test_a_window_longer_than_the_past_is_impossible() -> None:
    """The usual fail rate must come from before the window."""
    values = with_defaults(form(condition="fail_rate"), "fail_rate")
    assert read(values).condition == FailRate()
    impossible = {**values, "fail_rate.minutes": ("120",), "fail_rate.baseline_hours": ("2",)}
    assert wrong(impossible) == {"fail_rate.baseline_hours"}
    given_rate = {**impossible, "fail_rate.baseline": ("1,5",)}
    assert read(given_rate).condition == FailRate(minutes=120, baseline_hours=2, baseline=0.015)


@pytest.mark.parametrize(
    ("kind", "field", "typed"),
    [
        ("webhook", "url", "ftp://hooks.example"),
        ("webhook", "url", "https://kim:secret@hooks.example"),
        ("webhook", "url", ""),
        ("email", "to", "kim at plant"),
        ("email", "to", ""),
        ("mqtt", "topic", "andon/#"),
    ],
)
def test_a_bad_address_is_told_at_the_channel(kind: str, field: str, typed: str) -> None:
    """Of the channel that has it, among others that are right; also where it is an escalation's."""
    values = add_channel(form(), "channels", "webhook")
    values |= {"channel.webhook.url": ("https://hooks.example/1",)}
    values = add_channel(values, "channels", kind)
    name = values["channels"][-1]
    assert wrong({**values, f"channel.{name}.{field}": (typed,)}) == {f"channel.{name}.{field}"}
    boss = add_channel(form(escalation="on"), "escalation.channels", kind)
    name = boss["escalation.channels"][-1]
    assert wrong({**boss, f"channel.{name}.{field}": (typed,)}) == {f"channel.{name}.{field}"}


def test_a_channel_of_no_kind_is_told() -> None:
    """Whoever posts by hand is told as well."""
    assert wrong({**form(), "channels": ("x",)}) == {"channel.x.kind"}
    values = form()
    for _ in range(9):
        values = add_channel(values, "channels", "mqtt")
        values[f"channel.{values['channels'][-1]}.topic"] = ("andon",)
    assert wrong(values) == {"channels"}
    hand_made = {**form(), "channels": ("A b", "x", "x"), "channel.x.topic": ("t",), "channel.x.kind": ("mqtt",)}
    assert wrong({**hand_made, "channel.A b.kind": ("mqtt",), "channel.A b.topic": ("t",)}) == {"channel.A b.name"}
    assert wrong({**hand_made, "channels": ("x", "x")}) == {""}


def test_addresses_may_be_separated_as_people_do() -> None:
    """By lines, commas, semicolons."""
    values = add_channel(form(), "channels", "email")
    values["channel.mail.to"] = ("kim@a.example, lee@a.example;\r\nmax@b.example\n",)
    (channel,) = read(values).channels
    assert channel.kind == "email"
    assert channel.to == ("kim@a.example", "lee@a.example", "max@b.example")


def test_any_is_any_and_what_a_camera_does_not_say_can_be_named() -> None:
    """`any` is also what a camera says that does not know: people do not mean that."""
    assert str(read(form(line="any", station="*", layout="-")).scope) == "munich/*/*/any/*"
    assert read(values_of(read(form(layout="-")))).scope == read(form(layout="-")).scope


def test_names_of_channels_are_made_and_never_taken_over() -> None:
    """A secret is kept by its channel's name: a new receiver must not get an old one."""
    values = form()
    for where in ("channels", "channels", "escalation.channels"):
        values = add_channel(values, where, "webhook", taken=("webhook-2",))
    assert values["channels"] == ("webhook", "webhook-3")
    assert values["escalation.channels"] == ("webhook-4",)
    left = remove_channel({**values, "channel.webhook.url": ("https://a.example",)}, "webhook")
    assert left["channels"] == ("webhook-3",)
    assert not [field for field in left if field.startswith("channel.webhook.")]
    assert add_channel(left, "channels", "pigeon") == left


def test_fields_of_a_condition_are_kept_while_another_is_looked_at() -> None:
    """Changing one's mind twice loses nothing."""
    values = with_defaults(form(condition="no_photos", no_photos__minutes="7"), "fail_rate")
    assert one(values, "fail_rate.confidence") == "99"
    assert one(with_defaults(values, "no_photos"), "no_photos.minutes") == "7"
    assert read({**values, "condition": ("no_photos",)}).condition == NoPhotos(minutes=7)


@pytest.mark.parametrize("kind", list(CONDITIONS))
def test_every_condition_has_a_form(kind: str) -> None:
    """Its defaults are a fair start."""
    assert read(with_defaults(form(condition=kind), kind)).condition == CONDITIONS[kind]()  # type: ignore[index]


def test_a_copy_needs_a_name_of_its_own() -> None:
    """Nobody overwrites the first one by mistake."""
    assert wrong(copied(form(), "Copy")) == {"id"}


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, ("0", "min")), (90, ("90", "s")), (900, ("15", "min")), (7200, ("2", "h")), (0.5, ("0.5", "s"))],
)
def test_times_are_told_in_the_largest_whole_unit(number: float, told: tuple[str, str]) -> None:
    """Nobody wants to read 604800 seconds."""
    assert numbers.span(number) == told
    assert numbers.seconds(*told) == number


@pytest.mark.parametrize("text", ["1_000", "\N{ARABIC-INDIC DIGIT ONE}", "nan", "inf", "1.2.3", "0x10", "1 000", ""])
def test_what_only_python_takes_for_a_number_is_none(text: str) -> None:
    """People would not."""
    with pytest.raises(ValueError, match="is no"):
        numbers.decimal(text)
    with pytest.raises(ValueError, match="is no"):
        numbers.whole(text)
