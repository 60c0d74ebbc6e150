"""A mail server that keeps what it got."""

import email
import email.policy
from email.message import EmailMessage
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.process import free_port


class _Handler:
    def __init__(self) -> None:
        self.mails: list[tuple[tuple[str, ...], EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - theirs
        del server, session
        assert isinstance(envelope.content, bytes)
        # The default policy makes EmailMessage, whatever the signature says.
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((tuple(envelope.rcpt_tos), mail))
        return "250 kept"


class Mailbox:
    """An SMTP server on this machine, without TLS."""

    def __init__(self) -> None:
        self.port = free_port()
        self._handler = _Handler()
        self._controller = Controller(self._handler, hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def to(self, address: str) -> list[EmailMessage]:
        """Mails to an address."""
        return [mail for receivers, mail in list(self._handler.mails) if address in receivers]
