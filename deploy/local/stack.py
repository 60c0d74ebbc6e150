"""Kafka and Redis for a demo or a test: those the environment names, and a local one for each that it does not."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from deploy.local.kafka import KafkaBroker
from deploy.local.redis import RedisServer, redis_version
from shared.bus.clients import open_admin
from shared.bus.settings import BusSettings
from shared.bus.topics import ensure_topics
from shared.settings import RedisSettings, load_settings


class LocalStack:
    """A running Kafka (with Linegate's topics) and a running Redis, for the length of a `with` block.

    Where `KAFKA_BOOTSTRAP_SERVERS` or `REDIS_URL` is set, that server is used and nothing local is started for it.
    Nothing that was started here outlives this process, however it ends.

    Args:
        directory: data and logs of what is started here.
        partitions: of each topic that does not exist yet.
        environment: where to look for given servers; the process's environment by default.
    """

    def __init__(self, directory: Path, *, partitions: int = 4, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        self._directory = directory
        self._partitions = partitions
        self._given_kafka = environment.get("KAFKA_BOOTSTRAP_SERVERS")
        self._given_redis = environment.get("REDIS_URL")
        self._exit = ExitStack()
        self.kafka: KafkaBroker | None = None
        """The broker started here; None where one was given."""
        self.redis: RedisServer | None = None
        """The Redis server started here; None where one was given."""

    def __enter__(self) -> Self:
        """Start what is missing.

        Raises:
            ServerFailedError: a server did not come up.
            KafkaException, RedisError: a given server cannot be used.
        """
        with ExitStack() as starting:
            if self._given_redis is None:
                self.redis = starting.enter_context(RedisServer(self._directory / "redis"))
            if self._given_kafka is None:
                self.kafka = starting.enter_context(KafkaBroker(self._directory / "kafka"))
            self.redis_version = redis_version(self.redis_settings)
            ensure_topics(open_admin(self.bus), partitions=self._partitions)
            self._exit = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop what was started here."""
        self._exit.close()

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's `host:port[,host:port]`."""
        return self.kafka.bootstrap_servers if self.kafka is not None else str(self._given_kafka)

    @property
    def bus(self) -> BusSettings:
        """How to reach Kafka; a given one by this process's own settings of `bus.security`."""
        if self.kafka is not None:
            return BusSettings(bootstrap_servers=self.bootstrap_servers)
        return load_settings().bus.model_copy(update={"bootstrap_servers": self.bootstrap_servers})

    @property
    def redis_url(self) -> str:
        """Redis' URL."""
        return self.redis.url if self.redis is not None else str(self._given_redis)

    @property
    def redis_settings(self) -> RedisSettings:
        """How to reach Redis; a given one by this process's own settings of `redis`."""
        if self.redis is not None:
            return RedisSettings(url=SecretStr(self.redis_url))
        return load_settings().redis.model_copy(update={"url": SecretStr(self.redis_url)})

    @property
    def broker_version(self) -> str:
        """What broker this is, for people: `Apache Kafka 4.x.y` as its jar says, or where the given one stands."""
        if self.kafka is None:
            # The Kafka protocol does not tell a client the broker's version.
            return f"Kafka at {self._given_kafka} (given; its version is not visible to clients)"
        return f"Apache Kafka {self.kafka.version}"
