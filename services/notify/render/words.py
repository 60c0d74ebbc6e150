"""What mails say, in each language. A language is whole: mypy sees to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from shared.events import AlertStep, ConditionKind, Severity

Language = Literal["en", "de"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What happened: for a subject, and as a sentence."""

    short: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Words:
    """One language.

    Attributes:
        locale: how Babel writes dates and numbers.
        test: before the subject of a test.
        test_note: what a test is.
        severities: as a label.
        steps: what came to pass; the severity stands where it is `fired`.
        unacknowledged: follows where it escalated.
        conditions: what happened.
        fields: names of what is told, by field.
        cameras: kinds of cameras.
        details: above the alert's own line, which is not translated.
        caption: below the picture; `{part}` and `{time}` are filled in.
        ring: follows where there is a ring.
        missing: instead of a picture that did not come.
        more: below, where there were more parts; `{parts}` is filled in.
        open: on the button.
        why: why one gets this mail; `{subscription}` is filled in.
    """

    locale: str
    test: str
    test_note: str
    severities: Mapping[Severity, str]
    steps: Mapping[AlertStep, str]
    unacknowledged: str
    conditions: Mapping[ConditionKind, Condition]
    fields: Mapping[str, str]
    cameras: Mapping[str, str]
    details: str
    caption: str
    ring: str
    missing: str
    more: str
    open: str
    why: str


ENGLISH: Final = Words(
    locale="en_GB",
    test="Test",
    test_note="This is a test of the channel. No part is concerned, and nothing has to be done.",
    severities={"warning": "Warning", "error": "Error", "critical": "Critical"},
    steps={
        "fired": "New alert",
        "repeated": "Still open",
        "escalated": "Escalation",
        "acknowledged": "Acknowledged",
        "resolved": "Over",
        "muted": "Muted",
        "unmuted": "No longer muted",
    },
    unacknowledged="Nobody has acknowledged it yet.",
    conditions={
        "each_fail": Condition("part failed", "A part failed its inspection."),
        "fails_in_window": Condition("several parts failed", "Several parts failed within a short time."),
        "fail_rate": Condition("more fails than usual", "More parts fail than is usual here."),
        "same_region": Condition(
            "damage at the same place",
            "Parts are damaged at the same place, one after the other. A tool may be damaging them.",
        ),
        "no_photos": Condition(
            "no photos", "No photos are coming any more. Is the camera down, or does the line stand?"
        ),
        "no_verdicts": Condition("no verdicts", "No verdicts are coming any more."),
        "dead_letters": Condition("photos cannot be judged", "Photos come that cannot be judged."),
        "fault": Condition("a fault of Linegate", "Something of Linegate itself is amiss."),
    },
    fields={
        "since": "Since",
        "count": "How often",
        "score": "Score",
        "threshold": "threshold",
        "by": "By",
        "note": "Note",
    },
    cameras={"stationary": "stationary", "mobile": "mobile"},
    details="In detail",
    caption="Part {part}, photographed on {time}.",
    ring="The ring marks the worst place.",
    missing="There was no picture in the store in time. The console shows it as soon as it is there.",
    more="Before it: {parts}.",
    open="Open in the console",
    why="You get this mail because of the subscription {subscription} of Linegate.",
)
GERMAN: Final = Words(
    locale="de_DE",
    test="Test",
    test_note="Dies ist ein Test des Kanals. Kein Teil ist betroffen, und es ist nichts zu tun.",
    severities={"warning": "Warnung", "error": "Fehler", "critical": "Kritisch"},
    steps={
        "fired": "Neuer Alarm",
        "repeated": "Weiterhin offen",
        "escalated": "Eskalation",
        "acknowledged": "Quittiert",
        "resolved": "Beendet",
        "muted": "Stummgeschaltet",
        "unmuted": "Nicht mehr stummgeschaltet",
    },
    unacknowledged="Bisher hat niemand quittiert.",
    conditions={
        "each_fail": Condition("Teil durchgefallen", "Ein Teil ist bei der Prüfung durchgefallen."),
        "fails_in_window": Condition(
            "mehrere Teile durchgefallen", "Mehrere Teile sind innerhalb kurzer Zeit durchgefallen."
        ),
        "fail_rate": Condition("mehr Ausschuss als üblich", "Es fallen mehr Teile durch, als hier üblich ist."),
        "same_region": Condition(
            "Schaden an gleicher Stelle",
            "Mehrere Teile nacheinander sind an derselben Stelle beschädigt. Womöglich beschädigt sie ein Werkzeug.",
        ),
        "no_photos": Condition(
            "keine Fotos", "Es kommen keine Fotos mehr. Ist die Kamera ausgefallen, oder steht die Linie?"
        ),
        "no_verdicts": Condition("keine Prüfergebnisse", "Es kommen keine Prüfergebnisse mehr."),
        "dead_letters": Condition("Fotos nicht beurteilbar", "Es kommen Fotos, die sich nicht beurteilen lassen."),
        "fault": Condition("Störung bei Linegate", "Bei Linegate selbst stimmt etwas nicht."),
    },
    fields={
        "since": "Seit",
        "count": "Wie oft",
        "score": "Messwert",
        "threshold": "Grenzwert",
        "by": "Von",
        "note": "Notiz",
    },
    cameras={"stationary": "ortsfest", "mobile": "mobil"},
    details="Im Einzelnen",
    caption="Teil {part}, aufgenommen am {time}.",
    ring="Der Ring zeigt die auffälligste Stelle.",
    missing="Das Bild lag nicht rechtzeitig im Speicher. Die Konsole zeigt es, sobald es da ist.",
    more="Davor: {parts}.",
    open="In der Konsole öffnen",
    why="Sie erhalten diese E-Mail wegen des Abonnements {subscription} bei Linegate.",
)
_ALL: Final[Mapping[str, Words]] = {"en": ENGLISH, "de": GERMAN}


def words(language: str) -> Words:
    """The words of a language; English where it is none of ours."""
    return _ALL.get(language, ENGLISH)
