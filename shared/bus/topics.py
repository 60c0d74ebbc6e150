"""The topics: one per event type, and a dead-letter topic beside each that a worker consumes."""

from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from shared.events import (
    EVENT_TYPES,
    DeadLetterSettled,
    DeadLetterStop,
    Event,
    Fault,
    Feedback,
    LabelledPart,
    PartAnomalyMap,
    PartCrop,
    PartImage,
    TrainingRequest,
    Verdict,
)

DEAD_LETTER_SUFFIX: Final = ".dlq"
MIB: Final = 1024 * 1024
MAX_RECORD_BYTES: Final = 16 * MIB
"""Largest record of ours: a 12-megapixel photo as a lossless crop, with room. Larger ones travel by `dataref`."""
MAX_BATCH_BYTES: Final = MAX_RECORD_BYTES + 2 * MIB
"""Kafka's limit is on a record batch: one largest record beside up to 1 MB (`batch.size`) of others."""
MAX_DEAD_LETTER_BYTES: Final = MAX_BATCH_BYTES + MIB
"""Whatever a topic took must fit into its dead-letter topic, with the added headers."""
CONSUMED: Final[tuple[type[Event], ...]] = (
    PartImage,
    PartCrop,
    PartAnomalyMap,
    Verdict,
    Fault,
    TrainingRequest,
    Feedback,
)
COMPACTED: Final = frozenset({DeadLetterSettled.TOPIC, DeadLetterStop.TOPIC, LabelledPart.TOPIC})
"""Topics that keep the last word on each key for ever, instead of everything for a while."""
TIMEOUT_SECONDS: Final = 30.0


def dead_letter_topic(topic: str) -> str:
    """Where the dead letters of `topic` are kept."""
    return topic + DEAD_LETTER_SUFFIX


def all_topics() -> tuple[str, ...]:
    """Every topic Linegate publishes on."""
    return (
        *dict.fromkeys(event.TOPIC for event in EVENT_TYPES),
        *(dead_letter_topic(event.TOPIC) for event in CONSUMED),
    )


def ensure_topics(
    client: AdminClient, *, partitions: int = 4, replication: int = -1, topics: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    """Create the topics that are missing, and leave the others as they are; answers the names it created.

    Args:
        client: an admin client of the cluster.
        partitions: of each new topic; the bound on how many workers share the work.
        replication: copies of each partition; -1 takes the broker's default.
        topics: names; every topic of Linegate by default.

    Raises:
        KafkaException: the cluster did not answer or refused.
    """
    wanted = [
        NewTopic(
            topic,
            num_partitions=partitions,
            replication_factor=replication,
            config={
                "max.message.bytes": str(_limit(topic)),
                # CreateTime: the record's clock is the sender's, so that lag in seconds tells the photo's age.
                "message.timestamp.type": "CreateTime",
                "cleanup.policy": "compact" if topic in COMPACTED else "delete",
            },
        )
        for topic in (all_topics() if topics is None else topics)
    ]
    created: list[str] = []
    answers = client.create_topics(wanted, operation_timeout=TIMEOUT_SECONDS, request_timeout=TIMEOUT_SECONDS)
    for topic, future in answers.items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        else:
            created.append(topic)
    return tuple(created)


def _limit(topic: str) -> int:
    return MAX_DEAD_LETTER_BYTES + MIB if topic.endswith(DEAD_LETTER_SUFFIX) else MAX_BATCH_BYTES
