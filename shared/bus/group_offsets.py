"""Where a consumer group stands, asked by whoever is no member of it."""

from collections.abc import Iterable
from typing import Any, Final, Self

from confluent_kafka import KafkaException, TopicPartition

from shared.bus.clients import open_consumer
from shared.bus.record import PartitionId
from shared.bus.settings import BusSettings


class GroupOffsets:
    """The committed offsets of one group; a context manager. Not thread-safe.

    It asks as a consumer that bears the group's name, and neither joins nor commits: that needs no more than DESCRIBE
    on the group. An admin client can be asked as well, but librdkafka 2.16 takes the answer for a member's, and crashes
    the process where the coordinator answers with an error, as after a restart of the broker.

    Args:
        settings: of the bus.
        group: its name.
        more: options of the consumer, for whoever also reads with it.
    """

    def __init__(self, settings: BusSettings, group: str, **more: Any) -> None:
        self.consumer: Final = open_consumer(settings, **{"group.id": group, **more})
        """Which asks; may be assigned partitions, and must never subscribe or commit."""

    def committed(self, partitions: Iterable[PartitionId], *, seconds: float) -> dict[PartitionId, int]:
        """The next offset of each partition; partitions on which nothing was committed are left out.

        Raises:
            KafkaException: the coordinator does not answer in `seconds`, or refuses.
        """
        found = self.consumer.committed([TopicPartition(*partition) for partition in partitions], timeout=seconds)
        refused = next((place.error for place in found if place.error is not None), None)
        if refused is not None:
            raise KafkaException(refused)
        return {(place.topic, place.partition): place.offset for place in found if place.offset >= 0}

    def close(self) -> None:
        """End."""
        self.consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
