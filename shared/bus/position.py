"""Send a consumer back to where work has to begin again."""

import time
from collections.abc import Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from shared.bus.errors import KafkaFailedError
from shared.bus.record import PartitionId

CALL_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.2


def committed_offsets(
    consumer: Consumer, partitions: Mapping[PartitionId, int], *, budget: float
) -> dict[PartitionId, int]:
    """The group's committed offsets, as its coordinator knows them; waits for transactions that are not decided yet.

    Args:
        consumer: reads committed records only, so that librdkafka asks for stable offsets (KIP-447).
        partitions: which, each with the offset to answer where the group has committed nothing.
        budget: seconds to go on asking while Kafka is away.

    Raises:
        KafkaFailedError: no answer within the budget.
    """
    deadline = time.monotonic() + budget
    wanted = [TopicPartition(topic, partition) for topic, partition in partitions]
    while True:
        try:
            answers = consumer.committed(wanted, timeout=CALL_SECONDS)
            failure = next((answer.error for answer in answers if answer.error is not None), None)
        except KafkaException as error:
            answers, failure = [], error.args[0]
        if failure is None:
            found = {(answer.topic, answer.partition): answer.offset for answer in answers}
            return {p: found[p] if found[p] >= 0 else default for p, default in partitions.items()}
        if time.monotonic() > deadline:
            raise KafkaFailedError(f"Kafka does not tell the committed offsets: {failure.str()}")
        time.sleep(PAUSE_SECONDS)


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
