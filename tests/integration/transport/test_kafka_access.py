"""Who gets to Kafka at all, by SCRAM and by certificate; who does not, and how it is told."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.doctor import servers
from deploy.doctor.finding import Finding
from shared.bus.clients import open_admin, open_consumer
from shared.bus.errors import KafkaFailedError
from shared.bus.fetch import RecordFetcher
from shared.bus.loop import Worker
from shared.bus.publisher import EventPublisher, PublishFailed
from shared.bus.refusals import Refusals
from shared.bus.security import BusSecurity
from shared.bus.settings import BusSettings
from shared.events import PartImage
from shared.settings import Settings
from tests.integration.transport.authority import Authority
from tests.integration.transport.conftest import SecureKafka
from tests.integration.transport.jobs import an_image, camera_job
from tests.integration.transport.tls_front import TlsFront

pytestmark = pytest.mark.kafka


def doctor(bus: BusSettings) -> Finding:
    """What the doctor says first of Kafka."""
    return next(iter(servers.kafka(Settings.model_validate({"bus": bus.model_dump()}))))


def changed(bus: BusSettings, servers: str | None = None, **security: object) -> BusSettings:
    """The same settings with another security."""
    update = {"security": BusSecurity.model_validate(bus.security.model_dump() | security)}
    return bus.model_copy(update=update | ({"bootstrap_servers": servers} if servers else {}))


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256"])
def test_a_user_with_its_password_gets_in(secure_kafka: SecureKafka, mechanism: str) -> None:
    """By each mechanism; the job is done."""
    camera_job(changed(secure_kafka.bus("camera"), mechanism=mechanism))


def test_a_certificate_gets_in_as_its_common_name(secure_kafka: SecureKafka) -> None:
    """mTLS: the same job under the same ACLs, without a password."""
    camera_job(secure_kafka.mtls_bus("camera"))


def test_an_encrypted_key_is_opened_by_its_password(secure_kafka: SecureKafka, tmp_path: Path) -> None:
    """And by no other."""
    from cryptography.hazmat.primitives import serialization

    bus = secure_kafka.mtls_bus("camera")
    assert bus.security.key_file is not None
    key = serialization.load_pem_private_key(bus.security.key_file.read_bytes(), password=None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"open sesame"),
        )
    )
    camera_job(changed(bus, key_file=locked, key_password=SecretStr("open sesame")))
    with pytest.raises(KafkaFailedError, match="does not take its settings") as caught:
        open_admin(changed(bus, key_file=locked, key_password=SecretStr("hunter2")))
    assert "hunter2" not in caught.value.line


@pytest.fixture
def refused(secure_kafka: SecureKafka, stranger: Authority) -> dict[str, tuple[BusSettings, str, str]]:
    """Every way not to get in: settings, and what the doctor says and advises."""
    good, mtls = secure_kafka.bus("camera"), secure_kafka.mtls_bus("camera")
    broker = secure_kafka.broker
    old = secure_kafka.authority.issue("old", expired=True)
    evil = stranger.issue("camera")
    none = {"certificate_file": None, "key_file": None}
    return {
        "wrong password": (changed(good, password=SecretStr("guess")), "refuses the user 'camera'", "password_file"),
        "unknown user": (changed(good, username="eve"), "refuses the user 'eve'", "bus.security.username"),
        "wrong CA": (changed(good, ca_file=stranger.file), "cannot be verified", "ca_file must hold the CA"),
        "system's CAs": (changed(good, ca_file=None), "cannot be verified", "bus.security.ca_file"),
        "other host name": (
            changed(good, servers=f"localhost:{broker.port}"), "cannot be verified", "must name the host exactly"
        ),
        "plain text": (BusSettings(bootstrap_servers=broker.bootstrap_servers), "does not answer", "speaks TLS"),
        "no user at SCRAM's port": (
            changed(mtls, servers=broker.bootstrap_servers, **none), "does not answer", "SSL listener"
        ),
        "no certificate": (changed(mtls, **none), "does not accept our certificate", "key_file"),
        "certificate of a stranger": (
            changed(mtls, certificate_file=evil.certificate, key_file=evil.key),
            "does not accept our certificate", "broker trusts",
        ),
        "expired certificate": (
            changed(mtls, certificate_file=old.certificate, key_file=old.key),
            "does not accept our certificate", "in date",
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        "wrong password", "unknown user", "wrong CA", "system's CAs", "other host name", "plain text",
        "no user at SCRAM's port", "no certificate", "certificate of a stranger", "expired certificate",
    ],
)  # fmt: skip
def test_whoever_is_refused_is_told_why_in_one_line(
    refused: dict[str, tuple[BusSettings, str, str]], case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the doctor: what is wrong, and what to do."""
    bus, told, remedy = refused[case]
    if told == "does not answer":  # silence is all there is: no need to listen to it for long
        monkeypatch.setattr(servers, "_KAFKA_TIMEOUT_S", 0.5)
    finding = doctor(bus)
    assert finding.level == "FAIL"
    assert told in finding.told
    assert remedy in (finding.remedy or "")
    assert "\n" not in f"{finding.told}{finding.remedy}"


def test_whoever_fetches_a_record_is_told_why_he_is_refused(secure_kafka: SecureKafka) -> None:
    """`linegate dlq show` with a wrong password: not only that there was no answer."""
    wrong = changed(secure_kafka.bus("dlq", call_budget_s=2.0), password=SecretStr("guess"))
    with RecordFetcher(wrong) as fetcher, pytest.raises(KafkaFailedError, match="refuses the user 'dlq'"):
        fetcher.fetch("linegate.images.dlq", 0, 0)


def test_a_photo_does_not_get_past_a_wrong_password(secure_kafka: SecureKafka) -> None:
    """The negative control of the job itself: nothing of it reaches a topic."""
    wrong = changed(secure_kafka.bus("camera", message_timeout_ms=1500), password=SecretStr("guess"))
    with EventPublisher(wrong) as publisher, pytest.raises(PublishFailed):
        publisher.publish(an_image("unheard")).result(30)


@pytest.fixture
def no_wait(secure_kafka: SecureKafka) -> BusSettings:
    """The wrong password, and little patience with it."""
    return changed(
        secure_kafka.bus("crop", call_budget_s=1.0, extra={"reconnect.backoff.max.ms": 200}),
        password=SecretStr("guess"),
    )


def test_a_worker_with_a_wrong_password_ends_with_one_line(
    no_wait: BusSettings, caplog: pytest.LogCaptureFixture
) -> None:
    """After its budget, not at once and not never; its log says the same, once, without the password."""
    worker = Worker(lambda _batch: [], consumes=PartImage, name="crop", settings=no_wait)
    with caplog.at_level(logging.INFO), pytest.raises(KafkaFailedError) as caught:
        worker.run(threading.Event())
    assert "refuses the user 'crop'" in str(caught.value)
    assert "password_file" in str(caught.value.hint)
    told = [record.getMessage() for record in caplog.records if "refuses the user" in record.getMessage()]
    assert len(told) == 1
    assert "guess" not in caplog.text + caught.value.line


def test_an_idle_consumer_gives_up_only_after_its_budget_and_if_no_broker_answers(
    secure_kafka: SecureKafka, no_wait: BusSettings
) -> None:
    """One that is refused is asked again; one that is let in again forgets what was held against it."""
    refusals = Refusals(no_wait, lambda _line: None)
    consumer = open_consumer(no_wait, **{"group.id": "crop", "error_cb": refusals})
    friend = open_admin(secure_kafka.bus("crop"))
    try:
        consumer.subscribe([PartImage.TOPIC])
        deadline = time.monotonic() + 30
        while refusals.latest is None:
            assert time.monotonic() < deadline
            consumer.poll(0.1)
            refusals.check(consumer)  # within the budget: nothing
        while time.monotonic() - refusals.since < no_wait.call_budget_s:
            consumer.poll(0.1)
        refusals.check(friend)  # a broker answers: nothing, and the account begins anew
        assert refusals.latest is None
        while refusals.latest is None or time.monotonic() - refusals.since < no_wait.call_budget_s:
            assert time.monotonic() < deadline
            consumer.poll(0.1)
        with pytest.raises(KafkaFailedError, match="refuses the user 'crop'"):
            refusals.check(consumer)
    finally:
        consumer.close()


@pytest.mark.parametrize("case", ["wrong CA", "other host name", "plain text", "expired certificate"])
def test_a_worker_that_is_refused_names_the_cause(refused: dict[str, tuple[BusSettings, str, str]], case: str) -> None:
    """One line with what to set, though the worker sees less than the doctor."""
    bus, told, _ = refused[case]
    impatient = bus.model_copy(update={"call_budget_s": 1.0})
    worker = Worker(lambda _batch: [], consumes=PartImage, name="crop", settings=impatient)
    with pytest.raises(KafkaFailedError) as caught:
        worker.run(threading.Event())
    assert told in str(caught.value)
    assert "bus.security." in str(caught.value.hint)
    assert "\n" not in caught.value.line


def test_a_server_with_an_expired_certificate_is_not_believed(secure_kafka: SecureKafka, deaf_port: int) -> None:
    """Nothing of ours is sent to it, and the doctor says why."""
    own = secure_kafka.authority.issue("expired", expired=True)
    authority = secure_kafka.authority
    front = TlsFront(
        deaf_port,
        ca_file=authority.file,
        certificate_file=own.certificate,
        key_file=own.key,
        clients_show_certificate=False,
    )
    with front:
        finding = doctor(changed(secure_kafka.bus("camera"), servers=f"127.0.0.1:{front.port}"))
    assert finding.level == "FAIL"
    assert "cannot be verified" in finding.told
    assert "certificate has expired: renew" in str(finding.remedy)


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port where somebody listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_broker_that_is_only_away_is_no_refusal(deaf_port: int) -> None:
    """Waiting is right there: nothing is held against the broker."""
    bus = BusSettings(bootstrap_servers=f"127.0.0.1:{deaf_port}", call_budget_s=0.1)
    refusals = Refusals(bus, lambda _line: None)
    consumer = open_consumer(bus, **{"group.id": "x", "error_cb": refusals, "socket.connection.setup.timeout.ms": 1000})
    try:
        for _ in range(12):
            consumer.poll(0.1)
            refusals.check(consumer)
    finally:
        consumer.close()
    assert refusals.latest is None
