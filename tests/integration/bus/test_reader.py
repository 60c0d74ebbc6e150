"""Publisher and reader on a real broker."""

import pytest

from shared.bus.envelope import EnvelopeRejected
from shared.bus.errors import KafkaFailedError
from shared.bus.publisher import EventPublisher, PublishFailed
from shared.bus.reader import EventReader
from shared.bus.record import OutgoingRecord
from shared.events import now
from tests.integration.bus.support import PATIENCE, Scope
from tests.integration.conftest import Kafka

pytestmark = pytest.mark.kafka


@pytest.fixture
def scope(kafka: Kafka) -> Scope:
    """Topics of this test's own."""
    return Scope(kafka.bootstrap_servers).create_topics()


def _ids(reader: EventReader) -> list[str]:
    return sorted(item.reason if isinstance(item, EnvelopeRejected) else item.id for _, item in reader.read_to_end())


def test_latest_earliest_and_a_time(scope: Scope) -> None:
    """`latest` begins exactly behind what is there; a reader may be read to its end again and again."""
    scope.publish([scope.image(0), scope.image(1)])
    between = now()
    with EventReader(scope.settings, [scope.images], start="latest") as latest:
        scope.publish([scope.image(2)])
        assert _ids(latest) == ["image-2"]
        scope.publish([scope.image(3)])
        assert _ids(latest) == ["image-3"]
        assert _ids(latest) == []
    with EventReader(scope.settings, [scope.images], start="earliest") as earliest:
        assert _ids(earliest) == [f"image-{n}" for n in range(4)]
    with EventReader(scope.settings, [scope.images], start=between) as since:
        assert _ids(since) == ["image-2", "image-3"]


def test_what_is_no_event_comes_out_with_its_reason(scope: Scope) -> None:
    """A reader shows what lies there; it does not stop at it."""
    with EventPublisher(scope.settings) as publisher:
        publisher.publish_record(OutgoingRecord(scope.images.TOPIC, b"k", b"v", ())).result(PATIENCE)
    with EventReader(scope.settings, [scope.images], start="earliest") as reader:
        (reason,) = _ids(reader)
    assert "missing header" in reason


def test_a_missing_topic_is_told(kafka: Kafka) -> None:
    """Before anything waits for it in vain."""
    with pytest.raises(KafkaFailedError, match=r"no topic .*images"):
        EventReader(Scope(kafka.bootstrap_servers).settings, [Scope(kafka.bootstrap_servers).images])


def test_what_kafka_does_not_take_fails_its_future(scope: Scope) -> None:
    """Too large for Kafka, or for a topic that is not there."""
    absent = OutgoingRecord(f"{scope.name}.absent", b"k", b"v", ())
    with EventPublisher(scope.settings) as publisher:
        with pytest.raises(PublishFailed, match="too large"):
            publisher.publish(scope.image(0, pixels=bytes(20_000_000))).result(PATIENCE)
        with pytest.raises(PublishFailed):
            publisher.publish_record(absent).result(PATIENCE)
