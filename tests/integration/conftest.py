"""The servers of the integration tests: real Apache Kafka and real Redis, one of each per test session.

Of several processes that run tests (pytest-xdist) each is a session, and has its own.

`KAFKA_BOOTSTRAP_SERVERS` and `REDIS_URL` name servers to use instead of local ones.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from confluent_kafka.admin import AdminClient

from deploy.local.kafka import KafkaBroker
from deploy.local.redis import RedisServer
from shared.bus.topics import ensure_topics


@dataclass(frozen=True, slots=True)
class Kafka:
    """The broker of this session."""

    bootstrap_servers: str
    broker: KafkaBroker | None
    """None where the broker was given by the environment."""


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A real broker with every topic of Linegate (4 partitions each)."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        ensure_topics(AdminClient({"bootstrap.servers": given}))
        yield Kafka(given, None)
        return
    with KafkaBroker(tmp_path_factory.mktemp("kafka")) as broker:
        ensure_topics(AdminClient({"bootstrap.servers": broker.bootstrap_servers}))
        yield Kafka(broker.bootstrap_servers, broker)
        broker.kill()  # nobody reads its data any more; that brokers end in order is seen elsewhere


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis server; tests use key prefixes or databases of their own."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
        return
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server.url
