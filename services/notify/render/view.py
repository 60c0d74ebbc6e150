"""A message as a mail shows it. Pure; everything is plain text here, the templates escape it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal

from services.notify.render.links import console_link
from services.notify.render.words import Words, words
from shared.alerts.records import SYSTEM, Message
from shared.events import AlertChanged, Evidence
from shared.events.base import UNSPECIFIED
from shared.settings.plants import PlantsSettings

SUBJECT_CHARACTERS: Final = 180
"""Longer ones are cut by mail programs anyway."""
_COLOURS: Final = {"warning": "#8a5a00", "error": "#b3261e", "critical": "#8c0d26"}
"""White on them has a contrast above 5:1 (WCAG 2.2, 1.4.3)."""
_CALM: Final = "#1d6b3a"
"""Of what is over, or somebody takes care of."""
_TEST: Final = "#3d5a80"


@dataclass(frozen=True, slots=True)
class MailView:
    """What the templates show.

    Attributes:
        words: the language.
        subject: without line breaks and control characters.
        badge: what kind of message this is, in a word or two.
        colour: of the badge, as CSS has it.
        title: the subscription's.
        sentence: what happened.
        place: where, in one line; empty where it is everywhere.
        facts: name and value of what is told.
        detail: the alert's own line, in English.
        caption: below the picture; None where no part is concerned.
        ring: whether a ring is drawn.
        more: parts before the one that is shown.
        link: where to read on; None without a console.
        why: why one gets this.
        test: whether it is a test.
    """

    words: Words
    subject: str
    badge: str
    colour: str
    title: str
    sentence: str
    place: str
    facts: tuple[tuple[str, str], ...]
    detail: str
    caption: str | None
    ring: bool
    more: str
    link: str | None
    why: str
    test: bool


def mail_view(message: Message, plants: PlantsSettings, *, console_url: str | None) -> MailView:
    """The view of a message, in its language and its plant's time."""
    change, said = message.change, words(message.language)
    zone = _zone(change, plants)
    place = " / ".join(_place(change, plants, said))
    condition = said.conditions[change.condition]
    badge = said.severities[change.severity] if change.step == "fired" else said.steps[change.step]
    badge = said.test if message.test else badge
    sentence = f"{condition.sentence} {said.unacknowledged}" if change.step == "escalated" else condition.sentence
    newest = change.evidence[0] if change.evidence else None
    subject = " · ".join(part for part in (f"{badge}: {condition.short}", place, message.title) if part)
    return MailView(
        words=said,
        subject=one_line(subject, SUBJECT_CHARACTERS),
        badge=badge,
        colour=_colour(message),
        title=message.title,
        sentence=said.test_note if message.test else sentence,
        place=place,
        facts=tuple(_facts(change, said, zone)),
        detail=change.summary,
        caption=None if newest is None else _caption(newest, said, zone),
        ring=newest is not None and newest.peak is not None,
        more=", ".join(dict.fromkeys(one.part for one in change.evidence[1:] if newest and one.part != newest.part)),
        link=console_link(console_url, message),
        why=said.why.format(subscription=message.subscription),
        test=message.test,
    )


def one_line(text: str, characters: int) -> str:
    """`text` without line breaks and other control characters, cut with an ellipsis: fit for a header."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def _facts(change: AlertChanged, said: Words, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    newest = change.evidence[0] if change.evidence else None
    if newest is not None and newest.score is not None and newest.threshold is not None:
        score, threshold = (_number(value, said) for value in (newest.score, newest.threshold))
        yield said.fields["score"], f"{score} ({said.fields['threshold']} {threshold})"
    yield said.fields["since"], _time(change.since, said, zone)
    if change.count > 1:
        yield said.fields["count"], format_decimal(change.count, locale=said.locale)
    if change.by != SYSTEM:
        yield said.fields["by"], change.by
    if change.note:
        yield said.fields["note"], change.note


def _place(change: AlertChanged, plants: PlantsSettings, said: Words) -> Iterator[str]:
    if change.plant is not None:
        yield plants.of(change.plant).title or change.plant
    yield from (value for value in (change.line, change.station, change.layout) if value not in (None, UNSPECIFIED))
    if change.camera is not None:
        yield said.cameras[change.camera]
    if change.part is not None:
        yield change.part


def _caption(evidence: Evidence, said: Words, zone: ZoneInfo) -> str:
    return said.caption.format(part=evidence.part, time=_time(evidence.captured, said, zone))


def _zone(change: AlertChanged, plants: PlantsSettings) -> ZoneInfo:
    plant = change.plant or (change.evidence[0].plant if change.evidence else None)
    return ZoneInfo(plants.zone if plant is None else plants.of(plant).zone)


def _time(moment: datetime, said: Words, zone: ZoneInfo) -> str:
    return str(format_datetime(moment, "long", tzinfo=zone, locale=said.locale))


def _number(value: float, said: Words) -> str:
    return str(format_decimal(value, format="#,##0.00", locale=said.locale))


def _colour(message: Message) -> str:
    if message.test:
        return _TEST
    return _CALM if message.change.state != "firing" else _COLOURS[message.change.severity]
