"""Send a consumer back to where work has to begin again."""

import logging
from collections.abc import Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from shared.bus.errors import KafkaFailedError
from shared.bus.record import PartitionId

log = logging.getLogger(__name__)

CALL_SECONDS: Final = 1.0
"""Short, because the consumer is not polled meanwhile; ask again."""


def committed_offsets(consumer: Consumer, partitions: Mapping[PartitionId, int]) -> dict[PartitionId, int] | None:
    """The group's committed offsets, as its coordinator knows them; None when it does not answer now.

    Args:
        consumer: reads committed records only, so that librdkafka asks for stable offsets (KIP-447): it waits for
            transactions that are not decided yet.
        partitions: which, each with the offset to answer where the group has committed nothing.
    """
    if not partitions:
        return {}
    try:
        answers = consumer.committed([TopicPartition(*partition) for partition in partitions], timeout=CALL_SECONDS)
    except KafkaException as error:
        log.info("committed offsets not known yet: %s", error.args[0].str())
        return None
    if any(answer.error is not None for answer in answers):
        return None
    found = {(answer.topic, answer.partition): answer.offset for answer in answers}
    return {p: found[p] if found[p] >= 0 else default for p, default in partitions.items()}


def seek(consumer: Consumer, offsets: Mapping[PartitionId, int]) -> None:
    """Go to these offsets.

    Raises:
        KafkaFailedError: a partition could not be sent there. Going on would skip records; a restart does not.
    """
    for (topic, partition), offset in offsets.items():
        try:
            consumer.seek(TopicPartition(topic, partition, offset))
        except KafkaException as error:
            raise KafkaFailedError(
                f"cannot go back to {topic}[{partition}]@{offset}: {error.args[0].str()}", hint="start the worker again"
            ) from error
