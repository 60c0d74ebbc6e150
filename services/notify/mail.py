"""Mails by SMTP (RFC 5321): who of several recipients took it is kept, so that nobody gets it twice."""

import json
import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Final, Self

from services.notify.away import Away
from services.notify.letter import letter
from services.notify.outcome import Again, Delivered, Failed, NotYet, Outcome
from services.notify.picture import Pictures, expects_picture
from services.notify.render.view import mail_view
from shared.alerts.channels import Email
from shared.alerts.delivery import Claimed
from shared.alerts.records import Message
from shared.settings.notify import NotifySettings, SmtpSettings
from shared.settings.plants import PlantsSettings

PERMANENT: Final = 500
"""Replies from here on say no for good (RFC 5321, 4.2.1)."""
Refused = Mapping[str, tuple[int, bytes]]
"""By recipient: code and text of the reply."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What was settled at earlier attempts.

    Attributes:
        settled: recipients that took it, or never will.
        took: how many of them took it.
    """

    settled: tuple[str, ...] = ()
    took: int = 0

    @classmethod
    def read(cls, text: str) -> Self:
        """What `written` wrote; nothing of an empty text."""
        if not text:
            return cls()
        told = json.loads(text)
        return cls(tuple(told["settled"]), told["took"])

    def written(self) -> str:
        """For the next attempt."""
        return json.dumps({"settled": self.settled, "took": self.took})


class MailSender:
    """Sends mails by the server of the settings. Thread-safe: each mail has a connection of its own.

    Args:
        settings: of the worker.
        plants: their names and clocks.
        pictures: where the pictures are.
        away: told whether the server does its part.
    """

    def __init__(self, settings: NotifySettings, plants: PlantsSettings, pictures: Pictures, away: Away) -> None:
        self._settings = settings
        self._smtp = settings.smtp
        self._plants = plants
        self._pictures = pictures
        self._away = away

    def send(self, claimed: Claimed, message: Message, channel: Email) -> Outcome:
        """Send a message to all who have not got it yet."""
        if self._smtp.host is None:
            return Again("no mail server is set: notify.smtp.host", slowly=True)
        picture = self._pictures.of(message, claimed.since)
        if isinstance(picture, datetime):
            return NotYet(picture)
        view = mail_view(message, self._plants, console_url=self._settings.console_url)
        mail = letter(message, view, sender=self._smtp.sender, to=channel.to, picture=picture)
        before = Progress.read(claimed.progress)
        # Everybody it is still to go to; of an address that was changed meanwhile, the new one.
        to = tuple(dict.fromkeys(one for one in channel.to if one not in before.settled))
        outcome = self._sent(mail, to, before) if to else Delivered("every recipient has it")
        if isinstance(outcome, Delivered) and picture is None and expects_picture(message):
            return Delivered(f"{outcome.status}; without the picture, which was not in the store", outcome.refused)
        return outcome

    def _sent(self, mail: EmailMessage, to: tuple[str, ...], before: Progress) -> Outcome:
        try:
            with connected(self._smtp) as server:
                try:
                    refused: Refused = server.send_message(mail, self._smtp.sender, to)
                except smtplib.SMTPRecipientsRefused as error:
                    refused = error.recipients
        except smtplib.SMTPDataError as error:
            self._away.worked()
            told = f"the mail is refused: {_reply(error.smtp_code, error.smtp_error)}"
            return Failed(told) if error.smtp_code >= PERMANENT else Again(told)
        except smtplib.SMTPResponseException as error:
            return self._failed(_reply(error.smtp_code, error.smtp_error), slowly=error.smtp_code >= PERMANENT)
        except smtplib.SMTPNotSupportedError as error:
            return self._failed(str(error), slowly=True)
        except (OSError, smtplib.SMTPException) as error:
            return self._failed(str(error) or type(error).__name__, slowly=isinstance(error, ssl.SSLError))
        self._away.worked()
        return settled(to, refused, before)

    def _failed(self, detail: str, *, slowly: bool) -> Again:
        line = " ".join(detail.split())
        self._away.failed(line)
        return Again(f"mail server {self._smtp.host}:{self._smtp.port}: {line}", slowly=slowly)


@contextmanager
def connected(settings: SmtpSettings) -> Iterator[smtplib.SMTP]:
    """A connection to the server, encrypted and logged in as the settings ask.

    Raises:
        OSError: it does not answer, or its certificate is not trusted.
        smtplib.SMTPException: it refuses.
    """
    host, timeout = str(settings.host), settings.timeout_s
    trust = ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))
    server: smtplib.SMTP = (
        smtplib.SMTP_SSL(host, settings.port, timeout=timeout, context=trust)
        if settings.security == "tls"
        else smtplib.SMTP(host, settings.port, timeout=timeout)
    )
    # Not the client's own context manager: what it raises where the goodbye fails would look like a mail that failed.
    try:
        if settings.security == "starttls":
            server.starttls(context=trust)
        if settings.username is not None and settings.password is not None:
            server.login(settings.username, settings.password.get_secret_value())
        yield server
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
    finally:
        server.close()


def settled(to: tuple[str, ...], refused: Refused, before: Progress) -> Outcome:
    """What follows from the server's replies to each recipient.

    Args:
        to: the recipients of this attempt.
        refused: those that did not take it.
        before: what earlier attempts settled.
    """
    lines = tuple(f"{one}: {_reply(*reply)}" for one, reply in sorted(refused.items()) if reply[0] >= PERMANENT)
    waiting = {one: reply for one, reply in sorted(refused.items()) if reply[0] < PERMANENT}
    took = before.took + len(to) - len(refused)
    if waiting:
        done = (*before.settled, *(one for one in to if one not in waiting))
        told = "; ".join(f"{one}: {_reply(*reply)}" for one, reply in waiting.items())
        status = f"taken for {took} so far, not yet for {told}"
        return Again(status, progress=Progress(done, took).written(), refused=lines)
    if took == 0:
        return Failed("; ".join(lines))
    return Delivered(f"taken for {took} {'recipient' if took == 1 else 'recipients'}", refused=lines)


def _reply(code: int, text: bytes | str) -> str:
    told = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(told.split())}"
