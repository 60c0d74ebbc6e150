"""Where a group stands, on a real broker."""

import uuid

import pytest
from confluent_kafka import Consumer, TopicPartition

from shared.bus.group_offsets import GroupOffsets
from shared.bus.settings import BusSettings
from shared.events import PartImage
from tests.integration.conftest import Kafka

pytestmark = pytest.mark.kafka


def test_who_asks_joins_nothing_and_sees_what_was_committed(kafka: Kafka) -> None:
    """Only partitions on which something was committed are told; a group that never was has none."""
    group = f"asked-{uuid.uuid4()}"
    bus = BusSettings(bootstrap_servers=kafka.bootstrap_servers)
    places = [(PartImage.TOPIC, 0), (PartImage.TOPIC, 1)]
    with GroupOffsets(bus, group) as asking:
        assert asking.committed(places, seconds=20) == {}
        member = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": group})
        member.commit(offsets=[TopicPartition(PartImage.TOPIC, 1, 7)], asynchronous=False)
        member.close()
        assert asking.committed(places, seconds=20) == {(PartImage.TOPIC, 1): 7}
