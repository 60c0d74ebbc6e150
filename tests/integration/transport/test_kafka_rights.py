"""Each principal does its whole job with exactly the ACLs of its list, and nothing else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AclBindingFilter, AdminClient  # type: ignore[attr-defined]  # public, not marked so

from deploy.security.kafka_acls import KafkaAcl, apply_kafka_acls, kafka_principals
from shared.bus.clients import open_admin
from shared.bus.errors import KafkaFailedError
from shared.bus.loop import Worker
from shared.bus.publisher import EventPublisher, PublishFailed
from shared.bus.reader import EventReader
from shared.bus.topics import ensure_topics
from shared.bus.transactions import Transactions
from shared.errors import LinegateError
from shared.events import Event, PartCrop, PartImage, Verdict
from tests.integration.transport.conftest import NOBODY, SecureKafka
from tests.integration.transport.jobs import JOBS, a_crop, a_map, a_verdict, an_image

pytestmark = pytest.mark.kafka
EVENTS: dict[str, Event] = {
    "photo": an_image("forbidden"),
    "crop": a_crop(an_image("forbidden")),
    "verdict": a_verdict(a_crop(an_image("forbidden"))),
    "map": a_map(a_crop(an_image("forbidden"))),
}


@pytest.mark.parametrize("principal", sorted(JOBS))
def test_the_list_is_enough(secure_kafka: SecureKafka, principal: str) -> None:
    """The whole job, by SCRAM."""
    JOBS[principal](secure_kafka.bus(principal), secure_kafka.mtls_bus("super"))


def test_the_list_is_enough_for_certificates_too(secure_kafka: SecureKafka) -> None:
    """The crop worker's job by mTLS."""
    JOBS["crop"](secure_kafka.mtls_bus("crop"), secure_kafka.mtls_bus("super"))


def test_every_principal_has_a_job() -> None:
    """No list goes untested."""
    assert JOBS.keys() == kafka_principals().keys()


@pytest.mark.parametrize(
    ("principal", "event"),
    [
        ("crop", "verdict"), ("crop", "photo"), ("crop", "map"),
        ("gateway", "verdict"), ("gateway", "crop"),
        ("camera", "verdict"), ("camera", "crop"),
        ("score", "photo"), ("score", "crop"),
        ("results", "verdict"), ("results", "photo"),
        ("topics", "photo"), ("operator", "photo"), (NOBODY, "photo"),
    ],
)  # fmt: skip
def test_nobody_writes_what_is_not_its_to_write(secure_kafka: SecureKafka, principal: str, event: str) -> None:
    """Above all: nobody but the score worker gives a verdict."""
    with EventPublisher(secure_kafka.bus(principal)) as publisher, pytest.raises(PublishFailed) as caught:
        publisher.publish(EVENTS[event]).result(30)
    # Whoever may write nothing at all gets no producer id: the publisher ends as a whole, and says so.
    assert "uthorization failed" in f"{caught.value} {publisher.failure}"


@pytest.mark.parametrize(
    ("principal", "kind"),
    [
        ("camera", PartImage), ("camera", Verdict), ("gateway", PartImage), ("crop", Verdict), ("score", PartImage),
        ("results", PartCrop), ("operator", PartImage), (NOBODY, Verdict),
    ],
)  # fmt: skip
def test_nobody_reads_what_is_not_its_to_read(secure_kafka: SecureKafka, principal: str, kind: type[Event]) -> None:
    """A camera sees no verdicts and no photos of others."""
    bus = secure_kafka.bus(principal, call_budget_s=1.0)
    with pytest.raises(KafkaFailedError) as caught, EventReader(bus, (kind,), start="earliest") as reader:
        next(iter(reader))
    assert "no topic" in caught.value.line or "linegate acl kafka" in caught.value.line


def test_a_foreign_transactional_id_is_refused(secure_kafka: SecureKafka) -> None:
    """The crop worker cannot fence off a score worker."""
    transactions = Transactions(secure_kafka.bus("crop"), "score-worker-0")
    with pytest.raises(KafkaFailedError, match="TRANSACTIONAL_ID_AUTHORIZATION_FAILED") as caught:
        transactions.start()
    assert "linegate acl kafka" in str(caught.value.hint)
    transactions.close()


def test_a_foreign_group_is_refused(secure_kafka: SecureKafka) -> None:
    """The crop worker cannot take part in another worker's group."""
    worker = Worker(
        lambda _batch: [], consumes=PartImage, name="crop", settings=secure_kafka.bus("crop", group="score")
    )
    with pytest.raises(KafkaFailedError, match="GROUP_AUTHORIZATION_FAILED"):
        worker.run(threading.Event())


@pytest.mark.parametrize("principal", ["crop", "gateway", "operator", NOBODY])
def test_services_do_not_administer(secure_kafka: SecureKafka, principal: str) -> None:
    """No topic made or deleted, no ACL given: that is the installer's and the administrator's."""
    client = open_admin(secure_kafka.bus(principal))
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        ensure_topics(client, partitions=1, topics=("linegate.mine",))
    (deleted,) = client.delete_topics(["linegate.verdicts"], request_timeout=10).values()
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        deleted.result(30)
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        apply_kafka_acls(client, f"User:{principal}", kafka_principals()["score"].acls)


def test_the_installer_creates_linegates_topics_only(secure_kafka: SecureKafka) -> None:
    """And cannot delete any."""
    client = open_admin(secure_kafka.bus("topics"))
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        ensure_topics(client, partitions=1, topics=("payroll",))
    (deleted,) = client.delete_topics(["linegate.verdicts"], request_timeout=10).values()
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        deleted.result(30)


LINES = [(name, acl) for name, entry in kafka_principals().items() for acl in entry.acls]


@pytest.mark.minimal
@pytest.mark.parametrize(("principal", "acl"), LINES, ids=lambda value: getattr(value, "name", value))
def test_no_line_of_the_list_is_too_many(secure_kafka: SecureKafka, principal: str, acl: KafkaAcl) -> None:
    """Without it the job is not done."""
    without = _without(secure_kafka.broker.admin(), f"User:{principal}", acl)
    with without, pytest.raises((LinegateError, AssertionError, KafkaException)):
        JOBS[principal](secure_kafka.bus(principal), secure_kafka.mtls_bus("super"))
    JOBS[principal](secure_kafka.bus(principal), secure_kafka.mtls_bus("super"))


@contextmanager
def _without(admin: AdminClient, principal: str, acl: KafkaAcl) -> Iterator[None]:
    binding = acl.binding(principal)
    fields = ("restype", "name", "resource_pattern_type", "principal", "host", "operation", "permission_type")
    exactly = AclBindingFilter(*(getattr(binding, field) for field in fields))
    (deleted,) = admin.delete_acls([exactly]).values()
    assert deleted.result(30) == [binding]
    while admin.describe_acls(exactly).result(30):  # until the broker, too, has forgotten it
        pass
    try:
        yield
    finally:
        apply_kafka_acls(admin, principal, (acl,))
        while not admin.describe_acls(exactly).result(30):
            pass
