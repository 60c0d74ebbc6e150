"""A message as an e-mail (RFC 5322), with its picture in it. Pure."""

import hashlib
import re
from email.message import EmailMessage, MIMEPart
from email.utils import format_datetime, formataddr
from typing import Final, cast

from services.notify.picture import Picture, expects_picture
from services.notify.render.mail import PictureState, html, plain_text
from services.notify.render.view import MailView
from shared.alerts.records import Message

SENDER_NAME: Final = "Linegate"
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
"""What may stand left of the @ as it is (RFC 5322, 3.6.4: dot-atom-text)."""


def letter(
    message: Message, view: MailView, *, sender: str, to: tuple[str, ...], picture: Picture | None
) -> EmailMessage:
    """Compose a mail: plain text, and HTML with the picture inline (RFC 2046 alternative, RFC 2387 related).

    Nothing that others wrote can become a header of its own: the subject is one line of printable characters, the
    addresses were checked when they were subscribed, and ids are hashed where they hold more than letters.

    Args:
        message: what it is about.
        view: what it shows.
        sender: the address in `From`.
        to: everybody it is sent to.
        picture: of the newest part.
    """
    domain = sender.rpartition("@")[2]
    mail = EmailMessage()
    mail["From"] = formataddr((SENDER_NAME, sender))
    mail["To"] = ", ".join(to)
    mail["Subject"] = view.subject
    mail["Date"] = format_datetime(message.created)
    # The same with every attempt: mail programs show a repetition once.
    mail["Message-ID"] = f"<{_left(message.id)}@{domain}>"
    # All mails about one alert stand together.
    mail["References"] = f"<alert-{_left(message.change.alert)}@{domain}>"
    # RFC 3834: nobody's absence is answered to us.
    mail["Auto-Submitted"] = "auto-generated"
    state: PictureState = "shown" if picture is not None else "missing" if expects_picture(message) else "none"
    cid = f"picture.{_left(message.id)}@{domain}"
    mail.set_content(plain_text(view, state))
    mail.add_alternative(html(view, state, cid=cid), subtype="html")
    if picture is not None:
        page = cast("list[MIMEPart]", mail.get_payload())[1]
        page.add_related(
            picture.data,
            "image",
            picture.kind,
            cid=f"<{cid}>",
            disposition="inline",
            filename=f"part.{picture.kind}",
        )
    # Last: making a part moves the content headers that there are into it.
    mail["Content-Language"] = message.language
    return mail


def _left(identity: str) -> str:
    return identity if _PLAIN_ID.fullmatch(identity) else hashlib.sha256(identity.encode()).hexdigest()
