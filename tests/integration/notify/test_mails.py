"""Mails from the outbox to a real mail server, with the picture from a real store."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from deploy.local.process import free_port
from shared.alerts.book import AlertBook
from shared.alerts.channels import Email
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox
from shared.alerts.records import Group, Trigger
from shared.alerts.subscription import Subscription
from shared.events import Evidence
from shared.evidence import EvidenceShelf, day_of
from shared.images import encode_png
from shared.settings import Settings
from tests.integration.notify.conftest import PATIENCE, delivering, put, subscribe, until, with_settings
from tests.unit.faults import Told

pytestmark = pytest.mark.redis
TEAM = Email(name="team", to=("kim@plant.example", "alex@plant.example", "robin@plant.example"))
CAPTURED = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)


class MailServer:
    """A mail server; `answer` is asked for each recipient, `data` for each mail."""

    def __init__(self, answer: Callable[[str, int], str], data: Callable[[int], str]) -> None:
        self.got: list[tuple[list[str], EmailMessage]] = []
        self._answer = answer
        self._data = data
        self._asked: dict[str, int] = {}
        self._mails = 0

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Whether this recipient is taken."""
        self._asked[address] = self._asked.get(address, 0) + 1
        answer = self._answer(address, self._asked[address])
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - likewise
        """Whether the mail is taken."""
        self._mails += 1
        answer = self._data(self._mails)
        if answer.startswith("2"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.got.append((list(envelope.rcpt_tos), mail))
        return answer


@contextmanager
def mail_server(
    answer: Callable[[str, int], str] = lambda _address, _number: "250 OK",
    data: Callable[[int], str] = lambda _number: "250 OK",
    *,
    port: int | None = None,
    **more: Any,
) -> Iterator[tuple[MailServer, int]]:
    """A mail server on this machine, and its port."""
    server, listens = MailServer(answer, data), free_port() if port is None else port
    controller = Controller(server, hostname="127.0.0.1", port=listens, ready_timeout=PATIENCE, **more)
    controller.start()
    try:
        yield server, listens
    finally:
        controller.stop()


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """With a store of its own, whose pictures are waited for half a second."""
    (tmp_path / "store").mkdir()
    plants = {"named": {"munich": {"title": "München", "zone": "Europe/Berlin"}}}
    made = Settings.model_validate({
        **settings.model_dump(),
        "store": {"url": str(tmp_path / "store"), "cache_dir": str(tmp_path / "cache")},
        "plants": plants,
    })  # fmt: skip
    return with_settings(made, picture_wait_s=0.5)


def by(settings: Settings, port: int, **smtp: Any) -> Settings:
    """With the mail server at a port."""
    server = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "linegate@plant.example", **smtp}
    return with_settings(settings, smtp=server)


def outcomes(outbox: Outbox) -> list[str]:
    """Of each line, the first one first."""
    return [one.outcome for one in reversed(outbox.recent("fails"))]


def fire(book: AlertBook, subscription: Subscription, *images: str) -> None:
    """A part failed."""
    evidence = tuple(
        Evidence(
            image=image, part=f"p-{image}", plant="munich", captured=CAPTURED, score=3.1, threshold=2.0, peak=(0.5, 0.5)
        )
        for image in images
    )
    group = Group(plant="munich", line="line-1")
    trigger = Trigger(id=images[0], group=group, summary="part failed", time=CAPTURED, evidence=evidence)
    assert book.trigger(subscription, trigger)


def put_crop(settings: Settings, image: str) -> None:
    """What the archive keeps of a part."""
    crop = encode_png(np.full((100, 200, 3), 200, np.uint8))
    EvidenceShelf(settings.store).put("munich", day_of(CAPTURED), image, "crop", crop)


def test_a_mail_shows_the_marked_part(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """One mail for all recipients: plain text, and HTML with the picture of the newest part in it."""
    put_crop(settings, "i1")
    with mail_server() as (server, port), delivering(by(settings, port)):
        subscription = subscribe(desk, TEAM, language="de")
        fire(book, subscription, "i1", "i0")
        until(lambda: outcomes(outbox) == ["delivered"])
        time.sleep(0.3)  # another one would have come by now
    ((to, mail),) = server.got
    assert to == list(TEAM.to)
    assert mail["Subject"] == "Warnung: Teil durchgefallen · München / line-1 · Line 1"
    assert mail["Message-ID"] == f"<{outbox.recent('fails')[0].message}@plant.example>"
    assert mail.get_content_type() == "multipart/alternative"
    page, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert page is not None
    assert text is not None
    (picture,) = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert f"cid:{picture['Content-ID'].strip('<>')}" in page.get_content()
    shown = cv2.imdecode(np.frombuffer(picture.get_content(), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert len(np.unique(shown)) > 1, "nothing is drawn on the crop"
    for told in ("p-i1", "25. November 2026, 00:30:00 MEZ", "3,10", "https://console.example/alerts/"):
        assert told in page.get_content()
        assert told in text.get_content()


def test_a_picture_that_comes_late_is_waited_for(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """The wait is no attempt."""
    patient = with_settings(settings, picture_wait_s=600)
    with mail_server() as (server, port), delivering(by(patient, port)):
        fire(book, subscribe(desk, TEAM), "i1")
        until(lambda: any(lane.due > datetime.now(UTC) for lane in outbox.waiting()))
        time.sleep(0.3)
        assert server.got == []
        put_crop(settings, "i1")
        until(lambda: outcomes(outbox) == ["delivered"])
    assert outbox.recent("fails")[0].attempt == 1
    assert any(part.get_content_maintype() == "image" for part in server.got[0][1].walk())


def test_a_picture_that_does_not_come_is_not_waited_for_any_longer(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """The mail goes without, and says so."""
    with mail_server() as (server, port), delivering(by(settings, port)):
        fire(book, subscribe(desk, TEAM), "i1")
        until(lambda: outcomes(outbox) == ["delivered"])
    (_, mail) = server.got[0]
    assert "without the picture" in outbox.recent("fails")[0].status
    text = mail.get_body(("plain",))
    assert text is not None
    assert "no picture in the store" in text.get_content()
    assert not any(part.get_content_maintype() == "image" for part in mail.walk())


def test_recipients_are_settled_one_by_one(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """One is taken, one is unknown, one is busy at first: each gets the mail once, or is told to be unknown once."""

    def answer(address: str, number: int) -> str:
        if address.startswith("robin"):
            return "550 5.1.1 no such mailbox"
        return "451 4.7.1 greylisted" if address.startswith("alex") and number == 1 else "250 OK"

    with mail_server(answer) as (server, port), delivering(by(settings, port)):
        message = put(book, subscribe(desk, TEAM), "team")
        until(lambda: "delivered" in outcomes(outbox))
    assert [to for to, _ in server.got] == [["kim@plant.example"], ["alex@plant.example"]]
    assert {mail["Message-ID"] for _, mail in server.got} == {f"<{message.id}@plant.example>"}
    assert outcomes(outbox) == ["retry", "failed", "delivered"]
    last, refused, first = outbox.recent("fails")
    assert first.status == "taken for 1 so far, not yet for alex@plant.example: 451 4.7.1 greylisted"
    assert refused.status == "robin@plant.example: 550 5.1.1 no such mailbox"
    assert last.status == "taken for 2 recipients"


@pytest.mark.parametrize("where", ["recipients", "mail"])
def test_a_mail_that_is_refused_for_good_is_given_up(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox, where: str
) -> None:
    """By every recipient, or as such; it can be put back."""
    no = "554 5.7.1 we take no mail from you"
    recipients = where == "recipients"
    with (
        mail_server(lambda *_: no if recipients else "250 OK", lambda _: no) as (server, port),
        delivering(by(settings, port)),
    ):
        put(book, subscribe(desk, TEAM), "team")
        until(lambda: outcomes(outbox)[:1] == ["failed"])
    assert server.got == []
    line = outbox.recent("fails")[-1]
    assert line.kept
    assert "554 5.7.1" in line.status


def test_a_server_that_is_away_is_told_and_mails_wait(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """As a fault after a while; over with the first mail it takes."""
    port, faults = free_port(), Told()
    with delivering(with_settings(by(settings, port), away_after_s=0.01, longest_retry_s=0.2), faults):
        put(book, subscribe(desk, TEAM), "team")
        until(lambda: faults.kinds == ["receiver_away"])
        assert f"mail server 127.0.0.1:{port}" in faults.open[0].detail
        assert f"mail server 127.0.0.1:{port}" in outbox.recent("fails")[0].status
        assert set(outcomes(outbox)) == {"retry"}
        with mail_server(port=port) as (server, _):
            until(lambda: outcomes(outbox)[-1] == "delivered")
        assert len(server.got) == 1
        assert faults.kinds == []


def test_without_a_mail_server_the_log_says_why(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """And it is not tried all the time."""
    with delivering(settings):
        put(book, subscribe(desk, TEAM), "team")
        until(lambda: outcomes(outbox) == ["retry"])
    line = outbox.recent("fails")[0]
    assert "notify.smtp.host" in line.status
    assert line.next_attempt is not None
    assert line.next_attempt - line.time > timedelta(minutes=20)


def test_encrypted_and_logged_in(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox, tmp_path: Path
) -> None:
    """STARTTLS with a certificate that is checked: another authority's is not trusted, and no password is told."""
    authority, stranger = trustme.CA(), trustme.CA()
    trusted, untrusted = tmp_path / "ca.pem", tmp_path / "other.pem"
    authority.cert_pem.write_to_path(str(trusted))
    stranger.cert_pem.write_to_path(str(untrusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    logins: list[bytes] = []

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        logins.append(data.password)
        return AuthResult(success=data.password == b"hunter2")

    login = {"security": "starttls", "username": "linegate", "password": "hunter2"}
    more = {"tls_context": context, "require_starttls": True, "authenticator": authenticate, "auth_required": True}
    with mail_server(**more) as (server, port):
        message = put(book, subscribe(desk, TEAM), "team")
        with delivering(by(settings, port, ca_file=untrusted, **login)):
            until(lambda: outcomes(outbox) == ["retry"])
        assert "certificate verify failed" in outbox.recent("fails")[0].status
        assert logins == []
        outbox.redrive(message.id)
        with delivering(by(settings, port, ca_file=trusted, **login)):
            until(lambda: outcomes(outbox)[-1] == "delivered")
    assert len(server.got) == 1
    assert set(logins) == {b"hunter2"}
