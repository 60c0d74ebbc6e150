"""What messages say: in both languages, in the plant's time, and never as a program or a header."""

import dataclasses
import json
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.letter import letter
from services.notify.picture import Picture
from services.notify.render.andon import andon_payload
from services.notify.render.body import webhook_body
from services.notify.render.mail import html, plain_text
from services.notify.render.view import SUBJECT_CHARACTERS, mail_view, one_line
from services.notify.render.words import ENGLISH, GERMAN, Words
from shared.alerts.records import Message
from shared.events import AlertState, AlertStep, ConditionKind, Severity
from tests.unit.services.notify.messages import PLANTS, a_message, change, evidence

CONSOLE = "https://linegate.example"
EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
PNG = Picture(b"\x89PNG", "png", marked=True)


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Text between elements."""
        self.text += data


def view_of(message: Message) -> Any:
    """Its view."""
    return mail_view(message, PLANTS, console_url=CONSOLE)


def composed(message: Message, **more: Any) -> EmailMessage:
    """The mail, as a receiver reads it."""
    wanted = {"sender": "linegate@plant.example", "to": ("kim@plant.example",), "picture": None, **more}
    read = message_from_bytes(letter(message, view_of(message), **wanted).as_bytes(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def test_every_word_is_there_in_both_languages() -> None:
    """Each step, condition and severity has its words, and nothing was left in the other language."""
    for said in (ENGLISH, GERMAN):
        assert set(said.steps) == set(get_args(AlertStep))
        assert set(said.conditions) == set(get_args(ConditionKind))
        assert set(said.severities) == set(get_args(Severity))
    assert ENGLISH.fields.keys() == GERMAN.fields.keys()

    def texts(said: Words) -> list[str]:
        plain = [getattr(said, field.name) for field in dataclasses.fields(said) if field.name != "test"]
        return [text for text in plain if isinstance(text, str)] + [one.sentence for one in said.conditions.values()]

    assert not set(texts(ENGLISH)) & set(texts(GERMAN))


def test_the_plants_time_and_language() -> None:
    """Of the plant that is named, or of the part's plant."""
    german = view_of(a_message(language="de"))
    assert dict(german.facts)["Seit"] == "24. November 2026, 14:03:11 MEZ"
    assert dict(german.facts)["Messwert"] == "3,10 (Grenzwert 2,00)"
    assert german.caption == "Teil p-0, aufgenommen am 24. November 2026, 14:03:11 MEZ."
    english = view_of(a_message(change(plant=None, line=None)))
    assert dict(english.facts)["Since"] == "24 November 2026, 14:03:11 CET"
    assert english.place == ""
    nowhere = view_of(a_message(change(plant=None, line=None, evidence=())))
    assert dict(nowhere.facts)["Since"] == "24 November 2026, 13:03:11 UTC"
    assert nowhere.caption is None


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("step", get_args(AlertStep))
@pytest.mark.parametrize("state", get_args(AlertState))
def test_every_step_can_be_told(language: str, step: AlertStep, state: AlertState) -> None:
    """With and without a picture; the subject says what happened and where."""
    for kind in get_args(ConditionKind):
        message = a_message(change(step=step, state=state, condition=kind, note="seen", by="kim"), language=language)
        view = view_of(message)
        for picture in ("shown", "missing", "none"):
            page, text = html(view, picture, cid="c@x"), plain_text(view, picture)
            assert ("cid:c@x" in page) == (picture == "shown")
            for told in (view.title, "kim", "seen", "part p-0 failed", f"{CONSOLE}/alerts/a1"):
                assert told in page
                assert told in text
        assert "München / line-1" in view.subject
        assert view.words.conditions[kind].short in view.subject


def test_a_test_says_so_everywhere() -> None:
    """In mail, webhook and light; it links to no alert."""
    message = a_message(change(evidence=()), test=True)
    mail = composed(message)
    assert mail["Subject"].startswith("Test: ")
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert "This is a test" in body.get_content()
    assert json.loads(andon_payload(message))["state"] == "test"
    told = json.loads(webhook_body(message, console_url=CONSOLE))
    assert told["data"]["test"] is True
    assert told["data"]["console"] == f"{CONSOLE}/"


@pytest.mark.parametrize("where", ["title", "note", "by", "summary"])
def test_html_is_never_executed(where: str) -> None:
    """Whatever a person wrote stands there as text, and the page's elements are those of the template."""
    clean = Page(html(view_of(a_message(change(note="x", by="x"))), "shown", cid="c"))
    of = change(**{"note": "x", "by": "x", **({where: EVIL} if where != "title" else {})})
    message = a_message(of, **({"title": EVIL} if where == "title" else {}))
    page = Page(html(view_of(message), "shown", cid="c"))
    assert [name for name, _ in page.elements] == [name for name, _ in clean.elements]
    assert [sorted(attributes) for _, attributes in page.elements] == [sorted(some) for _, some in clean.elements]
    assert EVIL in page.text


@given(title=st.text(max_size=128), part=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", fullmatch=True))
def test_nothing_becomes_a_header(title: str, part: str) -> None:
    """No title and no part's id: the headers are ours, each once, and the subject is one line."""
    message = a_message(change(part=part, evidence=(evidence(part=part),)), title=title)
    view = view_of(message)
    assert len(view.subject) <= SUBJECT_CHARACTERS
    assert view.subject.isprintable()
    mail = composed(message, picture=PNG)
    assert sorted(mail.keys()) == sorted(
        (
            "From", "To", "Subject", "Date", "Message-ID", "References", "Auto-Submitted", "Content-Language",
            "MIME-Version", "Content-Type",
        )
    )  # fmt: skip
    assert mail["To"] == "kim@plant.example"


@pytest.mark.parametrize(
    "title", ["x\r\nBcc: eve@evil.example", "x\nBcc: eve@evil.example\n\nbody", "x\x00\x0bBcc: y", "\u2028Bcc: z"]
)
def test_a_title_with_line_breaks(title: str) -> None:
    """Stands in the subject's one line."""
    mail = composed(a_message(title=title))
    assert mail["Bcc"] is None
    assert "Bcc: " in mail["Subject"]


def test_a_long_subject_is_cut() -> None:
    """With an ellipsis."""
    assert one_line("a" * 300, 10) == "a" * 9 + "…"
    assert one_line(" a \t b ", 10) == "a b"


def test_ids_of_mails() -> None:
    """The same with every attempt; of an id with other signs a digest; mails of one alert stand together."""
    plain = composed(a_message())
    assert plain["Message-ID"] == "<5c0a1c1c-0000-5000-8000-000000000001@plant.example>"
    assert plain["References"] == "<alert-a1@plant.example>"
    odd = composed(a_message(id="a b>@evil.example"))
    assert odd["Message-ID"].count("@") == 1
    assert "evil" not in odd["Message-ID"]


def test_the_picture_is_in_the_mail() -> None:
    """As part of the HTML alternative, by its content id, and not beside it."""
    mail = composed(a_message(), picture=PNG)
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
    ]  # fmt: skip
    (page,) = [part for part in mail.walk() if part.get_content_type() == "text/html"]
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in page.get_content()
    assert picture.get_content_disposition() == "inline"


def test_without_a_console_there_is_no_link() -> None:
    """Neither a button nor an empty address."""
    view = mail_view(a_message(), PLANTS, console_url=None)
    assert "href" not in html(view, "none", cid="c")
    assert json.loads(webhook_body(a_message(), console_url=None))["data"]["console"] is None


def test_the_light_gets_few_words() -> None:
    """Nothing of the evidence."""
    told = json.loads(andon_payload(a_message()))
    assert told == {
        "state": "firing",
        "severity": "critical",
        "title": "Line 1",
        "summary": "part p-0 failed",
        "count": 1,
        "since": "2026-11-24T13:03:11+00:00",
        "place": {"plant": "munich", "line": "line-1"},
        "alert": "a1",
        "id": "5c0a1c1c-0000-5000-8000-000000000001",
    }
